import CMd
import Glibc

/// A configuration and the file that it was read from.
public struct LoadedConfiguration: Sendable {
  public let configuration: AgentConfiguration
  public let path: String
  /// Of `text`, 64 hexadecimal digits.
  public let sha256: String
  public let text: [UInt8]

  init(text: [UInt8], path: String) throws(ConfigurationErrors) {
    configuration = try AgentConfiguration(parsing: text, path: path)
    self.path = path
    self.text = text
    var digest = [CChar](repeating: 0, count: 65)  // SHA256_DIGEST_STRING_LENGTH
    sha256 = SHA256Data(text, text.count, &digest).map { String(cString: $0) } ?? ""
  }
}

/// Reads a configuration file. Nothing is opened that could block or steer: only a regular file that not everybody
/// may write, of at most 1 MiB. Symbolic links are followed; Kubernetes exchanges them.
public func loadConfiguration(at path: String) throws(ConfigurationErrors) -> LoadedConfiguration {
  try LoadedConfiguration(text: try ConfigurationFile.read(path), path: path)
}

enum ConfigurationFile {
  static let largest = 1 << 20
  /// Times that a file that changes under the reading is read again.
  private static let tries = 5

  static func read(_ path: String) throws(ConfigurationErrors) -> [UInt8] {
    // Non-blocking, so that opening a FIFO does not wait for its other end.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw refusal(path, "cannot be opened: \(reason(errno))") }
    defer { close(descriptor) }
    for _ in 0..<tries {
      let before = try inspect(descriptor, path)
      let text = try contents(descriptor, path)
      let after = try inspect(descriptor, path)
      if before.st_size == after.st_size, before.st_mtim.tv_sec == after.st_mtim.tv_sec,
        before.st_mtim.tv_nsec == after.st_mtim.tv_nsec, text.count == after.st_size
      {
        return text
      }
      lseek(descriptor, 0, SEEK_SET)
    }
    throw refusal(path, "changes while it is read; write it elsewhere and rename it into place")
  }

  private static func inspect(_ descriptor: Int32, _ path: String) throws(ConfigurationErrors) -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw refusal(path, "cannot be looked at: \(reason(errno))")
    }
    let kinds: [(mode_t, String)] = [
      (S_IFDIR, "a directory"), (S_IFIFO, "a FIFO"), (S_IFCHR, "a device"), (S_IFBLK, "a device"),
      (S_IFSOCK, "a socket"),
    ]
    if let kind = kinds.first(where: { $0.0 == status.st_mode & S_IFMT }) {
      throw refusal(path, "is \(kind.1); expected a regular file")
    }
    guard status.st_mode & S_IWOTH == 0 else {
      throw refusal(path, "may be written by everybody, and so steer this host's traffic; chmod o-w it")
    }
    guard status.st_size <= largest else {
      throw refusal(path, "has \(status.st_size) octets; a configuration has at most \(largest)")
    }
    guard status.st_size > 0 else {
      throw refusal(path, "is empty; expected at least role and zerotier.networkID")
    }
    return status
  }

  private static func contents(_ descriptor: Int32, _ path: String) throws(ConfigurationErrors) -> [UInt8] {
    var text: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65536)
    while text.count <= largest {
      let count = Glibc.read(descriptor, &part, part.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw refusal(path, "cannot be read: \(reason(errno))") }
      if count == 0 { break }
      text += part[..<count]
    }
    return text
  }

  private static func refusal(_ path: String, _ problem: String) -> ConfigurationErrors {
    ConfigurationErrors(
      ConfigurationError(path: path, position: nil, key: "", problem: problem, suggestion: nil))
  }

  private static func reason(_ number: Int32) -> String {
    let text = String(cString: strerror(number)).lowercased()
    return switch number {
    case ENOENT: "\(text) (ENOENT); copy an example from the documentation there"
    case EACCES: "\(text) (EACCES); let the agent read it"
    case ELOOP: "\(text) (ELOOP); its symbolic links lead in a circle"
    default: "\(text) (errno \(number))"
    }
  }
}
