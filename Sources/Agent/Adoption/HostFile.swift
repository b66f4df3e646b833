import EventLoop
import Glibc

/// A file of the host's that is not the agent's own.
enum HostFile {
  private static let mostOctets = 4 << 20

  struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ attempt: String, _ path: String, _ problem: String) {
      description = "\(attempt) \(path): \(problem)"
    }
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// nil when there is none.
  static func read(_ path: String) throws(Failure) -> [UInt8]? {
    // O_NONBLOCK: a FIFO in its place must not hold anybody up.
    let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
    guard file >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw Failure("opening", path, "\(SystemError.last)")
    }
    defer { close(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Failure("reading", path, "\(SystemError.last)") }
      if count == 0 { return bytes }
      bytes += buffer.prefix(count)
      guard bytes.count <= mostOctets else {
        throw Failure("reading", path, "it has more than \(mostOctets) octets")
      }
    }
  }

  static func mode(_ path: String) -> mode_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
  }
}
