import CLinux
import Glibc

/// Why a file was not read.
public struct FileRefusal: Error, CustomStringConvertible {
  let problem: String
  public var description: String { problem }

  /// A system call's error, by name and with what to do about it.
  static func failed(_ attempt: String, _ number: Int32) -> FileRefusal {
    FileRefusal(problem: "\(attempt): \(errnoText(number))\(remedy(number))")
  }

  private static func remedy(_ number: Int32) -> String {
    switch number {
    case ENOENT: "; create it, or name another file"
    case EACCES, EPERM: "; make it readable to the user that the agent runs as"
    case ELOOP: "; its symbolic links lead in a circle"
    default: ""
    }
  }
}

/// `no such file or directory (ENOENT)`
func errnoText(_ number: Int32) -> String {
  let name = clinux_errno_name(number).map { String(cString: $0) } ?? "errno \(number)"
  let text = String(cString: strerror(number))
  return text.prefix(1).lowercased() + text.dropFirst() + " (\(name))"
}

/// A file that decides about the firewall: regular, of bounded size, and written by whom it may concern.
enum TrustedFile {
  /// 8 MiB: lists of 100,000 networks take some 2 MiB each.
  static let largest = 8 << 20

  /// The file's bytes, all from the same moment. `whileReading` stands for what others do meanwhile.
  static func read(_ path: String, whileReading: () -> Void = {}) throws(FileRefusal) -> [UInt8] {
    guard !path.isEmpty, !path.utf8.contains(0) else { throw FileRefusal(problem: "no path of a file") }
    // Before opening, because opening alone makes some devices act.
    var status = stat()
    guard stat(path, &status) == 0 else { throw .failed("opening", errno) }
    try check(status)
    for _ in 0..<5 {
      if let bytes = try readOnce(path, whileReading) { return bytes }
    }
    throw FileRefusal(problem: "changes while it is read; write it elsewhere and rename it into place")
  }

  /// nil when the file changed meanwhile.
  private static func readOnce(_ path: String, _ whileReading: () -> Void) throws(FileRefusal) -> [UInt8]? {
    // O_NONBLOCK: a FIFO that took the file's place must not hold the agent up.
    let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
    guard file >= 0 else { throw .failed("opening", errno) }
    defer { close(file) }
    var (before, after) = (stat(), stat())
    guard fstat(file, &before) == 0 else { throw .failed("reading the attributes", errno) }
    try check(before)
    let bytes = try contents(of: file)
    whileReading()
    guard fstat(file, &after) == 0 else { throw .failed("reading the attributes", errno) }
    guard isSame(before, after) else { return nil }
    guard !bytes.isEmpty else {
      throw FileRefusal(problem: "is empty; expected at least role and zerotier.networkID")
    }
    return bytes
  }

  private static func check(_ status: stat) throws(FileRefusal) {
    if let kind = kind(status.st_mode) { throw FileRefusal(problem: "is \(kind); expected a regular file") }
    guard status.st_mode & S_IWOTH == 0 else {
      throw FileRefusal(
        problem: "may be written by everybody, and so steers this host's traffic; chmod o-w it")
    }
    guard status.st_size <= largest else { throw tooLarge }
  }

  private static var tooLarge: FileRefusal { FileRefusal(problem: "is larger than 8 MiB") }

  /// What the file is; nil for a regular one.
  private static func kind(_ mode: mode_t) -> String? {
    switch mode & S_IFMT {
    case S_IFREG: nil
    case S_IFDIR: "a directory"
    case S_IFIFO: "a FIFO"
    case S_IFSOCK: "a socket"
    case S_IFCHR, S_IFBLK: "a device"
    default: "no file"
    }
  }

  private static func contents(of file: Int32) throws(FileRefusal) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .failed("reading", errno) }
      if count == 0 { return bytes }
      bytes += buffer.prefix(count)
      guard bytes.count <= largest else { throw tooLarge }
    }
  }

  private static func isSame(_ a: stat, _ b: stat) -> Bool {
    a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec
      && a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec
  }
}
