import Glibc

/// A pipe that is closed with its last owner.
final class Pipe {
  let reading: Int32
  let writing: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0)
    (reading, writing) = (ends[0], ends[1])
  }

  deinit {
    close(reading)
    close(writing)
  }

  func writeByte() { _ = write(writing, "x", 1) }

  func readByte() {
    var byte: UInt8 = 0
    _ = read(reading, &byte, 1)
  }
}

/// How often this thread has gone to sleep (proc_pid_status(5)).
func voluntarySwitches() -> Int {
  guard let file = fopen("/proc/thread-self/status", "r") else { return -1 }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 256)
  while fgets(&line, Int32(line.count), file) != nil {
    let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if text.hasPrefix("voluntary_ctxt_switches:") {
      return Int(text.split(whereSeparator: \.isWhitespace)[1]) ?? -1
    }
  }
  return -1
}
