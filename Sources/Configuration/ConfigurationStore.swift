import Glibc

/// Keeps the last configuration that was good, so that a broken file does not leave a restarted agent with none.
public struct ConfigurationStore: Sendable {
  public let directory: String

  public init(directory: String) { self.directory = directory }

  public struct Failure: Error, CustomStringConvertible {
    let attempt: String
    let number: Int32
    public var description: String { "\(attempt): \(String(cString: strerror(number)))" }
  }

  /// Kept whole or not at all: written beside, synchronised, renamed. Nothing is written when it is kept already.
  public func save(_ loaded: LoadedConfiguration) throws(Failure) {
    let path = file(for: loaded.path)
    if (try? ConfigurationFile.read(path)) == loaded.text { return }
    try makeDirectory()
    let fresh = path + ".new"
    let descriptor = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failure("opening \(fresh)") }
    defer { close(descriptor) }
    var rest = loaded.text[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure("writing \(fresh)") }
      rest = rest.dropFirst(count)
    }
    guard fsync(descriptor) == 0 else { throw failure("synchronising \(fresh)") }
    guard rename(fresh, path) == 0 else { throw failure("renaming \(fresh)") }
  }

  /// nil when none was ever kept. The path that it names is that of the configuration it stands for.
  public func load(for path: String) throws(ConfigurationErrors) -> LoadedConfiguration? {
    let kept = file(for: path)
    guard access(kept, F_OK) == 0 else { return nil }
    return try LoadedConfiguration(text: try ConfigurationFile.read(kept), path: path)
  }

  /// The configuration's absolute path in one word, as systemd-escape(1) writes it.
  private func file(for path: String) -> String {
    var absolute = path
    if !path.hasPrefix("/"), let here = getcwd(nil, 0) {
      absolute = String(cString: here) + "/" + path
      free(here)
    }
    let parts = absolute.split(separator: "/").filter { $0 != "." }
    let name = parts.map { part in
      part.utf8.map { byte -> String in
        let isPlain = plain.contains(byte)
        return isPlain
          ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }.joined()
    }.joined(separator: "-")
    // A file's name has at most 255 octets; the end tells configurations apart better than the beginning.
    return "\(directory)/last-good-\(name.suffix(200))"
  }

  private var plain: Set<UInt8> {
    Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:".utf8)
  }

  private func makeDirectory() throws(Failure) {
    var path = ""
    for part in directory.split(separator: "/") {
      path += "/\(part)"
      if mkdir(path, 0o700) != 0 && errno != EEXIST { throw failure("making \(path)") }
    }
  }

  private func failure(_ attempt: String) -> Failure { Failure(attempt: attempt, number: errno) }
}
