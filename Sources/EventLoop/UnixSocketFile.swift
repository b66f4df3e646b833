import Glibc

/// The file of a Unix socket that this process has made.
struct UnixSocketFile {
  private let path: String
  private let device: UInt64
  private let inode: UInt64

  /// Makes the file with no permission at all, so that at no moment it is wider than asked for.
  init(binding fd: Int32, to address: SocketAddress, at path: String) throws(EventLoopError) {
    let attempt = "listening on \(path)"
    // bind(2) gives the file the mode of the socket's own inode, less the umask.
    guard fchmod(fd, 0) == 0 else { throw .system(attempt: attempt, .last) }
    guard address.withPointer({ bind(fd, $0, $1) }) == 0 else {
      let error = SystemError.last
      throw error.rawValue == EADDRINUSE ? .socketInUse(path) : .system(attempt: attempt, error)
    }
    var file = stat()
    guard lstat(path, &file) == 0 else { throw .system(attempt: attempt, .last) }
    self.path = path
    device = UInt64(file.st_dev)
    inode = UInt64(file.st_ino)
  }

  /// First the group, then the mode: never the mode for another group. The process's own group has it already.
  func open(to group: UInt32?, mode: UInt32) throws(EventLoopError) {
    if let group, group != getegid(), lchown(path, .max, group) != 0 {
      throw .system(attempt: "giving \(path) to group \(group)", .last)
    }
    guard chmod(path, mode) == 0 else { throw .system(attempt: "setting the mode of \(path)", .last) }
  }

  /// Removes the file if it is still the one that was made.
  func remove() {
    var file = stat()
    guard lstat(path, &file) == 0, UInt64(file.st_dev) == device, UInt64(file.st_ino) == inode else { return }
    unlink(path)
  }

  /// Makes the directory if it is missing and removes a socket that nobody listens on any more.
  static func clearPlace(_ path: String) throws(EventLoopError) {
    let attempt = "listening on \(path)"
    var file = stat()
    if lstat(path, &file) != 0 {
      guard errno == ENOENT else { throw .system(attempt: attempt, .last) }
      return try makeDirectory(of: path)
    }
    guard file.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path) }
    switch try answer(at: path) {
    case 0, EAGAIN, EPROTOTYPE: throw .socketInUse(path)
    case ECONNREFUSED:
      guard unlink(path) == 0 || errno == ENOENT else {
        throw .system(attempt: "removing the stale socket \(path)", .last)
      }
    case ENOENT: break
    case let number: throw .system(attempt: "asking who listens on \(path)", SystemError(rawValue: number))
    }
  }

  /// What connect(2) says without waiting: 0 and EAGAIN (a full backlog) mean that somebody listens.
  private static func answer(at path: String) throws(EventLoopError) -> Int32 {
    let address = try SocketAddress(unixPath: path)
    do {
      let probe = try Descriptor(streamSocket: AF_UNIX)
      return address.withPointer { connect(probe.number, $0, $1) == 0 ? 0 : errno }
    } catch {
      throw .system(attempt: "asking who listens on \(path)", error)
    }
  }

  private static func makeDirectory(of path: String) throws(EventLoopError) {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
    let directory = String(path[..<slash])
    guard mkdir(directory, 0o755) != 0 else {
      // Whatever the umask took away.
      chmod(directory, 0o755)
      return
    }
    guard errno == EEXIST else { throw .system(attempt: "making the directory \(directory)", .last) }
  }
}
