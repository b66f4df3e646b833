import CLinux
import Configuration
import Glibc

/// One agent in a network namespace. A POSIX record lock (fcntl(2)): the kernel drops it with the process,
/// however that ends, and says who holds it.
public final class InstanceLock {
  private let descriptor: Int32
  private let path: String

  public enum Failure: Error, CustomStringConvertible {
    case held(by: pid_t)
    case system(attempt: String, errno: Int32)

    public var description: String {
      switch self {
      case .held(let pid):
        "another liteboxd-agent holds this network namespace: process \(pid); stop it first"
      case .system(let attempt, let number): "\(attempt): \(String(cString: strerror(number)))"
      }
    }
  }

  /// - Parameter directory: below /run, for root alone; made if it is missing.
  public init(in directory: String = runtimeDirectory) throws(Failure) {
    path = try Self.path(in: directory, ".lock")
    while true {
      let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
      guard opened >= 0 else { throw .system(attempt: "opening \(path)", errno: errno) }
      var request = Self.wholeFile
      guard fcntl(opened, F_SETLK, &request) == 0 else {
        let number = errno
        let holder = Self.holder(opened)
        close(opened)
        if let holder { throw .held(by: holder) }
        throw .system(attempt: "locking \(path)", errno: number)
      }
      if Self.isSame(opened, path) {
        let refusal = FileOwner.inherit(opened, from: directory)
        guard refusal == 0 else {
          close(opened)
          throw .system(attempt: "giving \(path) to the owner of \(directory)", errno: refusal)
        }
        descriptor = opened
        return
      }
      // The former holder took the file away between our opening and locking it.
      close(opened)
    }
  }

  deinit {
    unlink(path)
    close(descriptor)
  }

  /// Who holds the lock; nil: nobody.
  public static func holder(in directory: String = runtimeDirectory) throws(Failure) -> pid_t? {
    let path = try path(in: directory, ".lock")
    let opened = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    if opened < 0 && errno == ENOENT { return nil }
    guard opened >= 0 else { throw .system(attempt: "opening \(path)", errno: errno) }
    defer { close(opened) }
    return holder(opened)
  }

  private static func holder(_ descriptor: Int32) -> pid_t? {
    var request = wholeFile
    guard fcntl(descriptor, F_GETLK, &request) == 0, request.l_type != Int16(F_UNLCK) else { return nil }
    return request.l_pid
  }

  private static func isSame(_ descriptor: Int32, _ path: String) -> Bool {
    var (opened, named) = (stat(), stat())
    return fstat(descriptor, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino
  }

  private static var wholeFile: flock {
    var request = flock()
    request.l_type = Int16(F_WRLCK)
    request.l_whence = Int16(SEEK_SET)
    return request
  }

  /// A file of this network namespace: hosts in one file system, as containers and labs are, do not meet.
  static func path(in directory: String, _ ending: String) throws(Failure) -> String {
    if mkdir(directory, 0o755) != 0 && errno != EEXIST {
      throw .system(attempt: "making \(directory)", errno: errno)
    }
    var cookie: UInt64 = 0
    if clinux_network_namespace_cookie(&cookie) == 0 { return "\(directory)/netns-\(cookie)\(ending)" }
    // An older kernel: the inode, which a later namespace may get again.
    var status = stat()
    guard stat("/proc/self/ns/net", &status) == 0 else {
      throw .system(attempt: "looking at /proc/self/ns/net", errno: errno)
    }
    return "\(directory)/netns-inode-\(status.st_ino)\(ending)"
  }
}

/// Locks and what has to last until the host is down. Fixed, so that no two agents miss each other.
public let runtimeDirectory = "/run/liteboxd"
