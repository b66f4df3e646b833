import EventLoop
import Glibc

/// A small file that others rewrite: read again when it has changed, or when asked to.
final class SmallFile {
  let path: String
  /// Octets; a longer file is EFBIG.
  let limit: Int
  private var cached: (stamp: Stamp, bytes: [UInt8])?

  /// What changes when a file is rewritten or replaced.
  private struct Stamp: Equatable {
    let device: UInt64
    let inode: UInt64
    let size: Int
    let modified: [Int]
    let changed: [Int]

    init(_ file: stat) {
      device = UInt64(file.st_dev)
      inode = UInt64(file.st_ino)
      size = file.st_size
      modified = [file.st_mtim.tv_sec, file.st_mtim.tv_nsec]
      changed = [file.st_ctim.tv_sec, file.st_ctim.tv_nsec]
    }
  }

  init(_ path: String, limit: Int) {
    self.path = path
    self.limit = limit
  }

  /// The next `read` opens the file whether it looks changed or not.
  func forget() { cached = nil }

  func read() throws(SystemError) -> [UInt8] {
    var file = stat()
    guard stat(path, &file) == 0 else { throw .last }
    let stamp = Stamp(file)
    if let cached, cached.stamp == stamp { return cached.bytes }
    let bytes = try load()
    cached = (stamp, bytes)
    return bytes
  }

  private func load() throws(SystemError) -> [UInt8] {
    // A pipe in the file's place must not stop the loop.
    let fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard fd >= 0 else { throw .last }
    defer { close(fd) }
    var buffer = [UInt8](repeating: 0, count: limit + 1)
    var filled = 0
    while filled < buffer.count {
      let count = buffer[filled...].withUnsafeMutableBytes { Glibc.read(fd, $0.baseAddress, $0.count) }
      guard count >= 0 else { throw .last }
      if count == 0 { break }
      filled += count
    }
    guard filled <= limit else { throw SystemError(rawValue: EFBIG) }
    return Array(buffer[..<filled])
  }
}
