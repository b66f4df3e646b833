import Glibc

/// A pipe that is closed with its last owner.
public final class Pipe {
  public let reading: Int32
  public let writing: Int32

  public init() {
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0)
    (reading, writing) = (ends[0], ends[1])
  }

  deinit {
    close(reading)
    close(writing)
  }

  public func writeByte() { _ = write(writing, "x", 1) }

  public func readByte() {
    var byte: UInt8 = 0
    _ = read(reading, &byte, 1)
  }
}
