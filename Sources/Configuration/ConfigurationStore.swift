import Glibc

/// Keeps the text of the last configuration that could be used, so that a restart beside a broken file finds it, and
/// the exit that a person pinned for longer than a run.
public struct ConfigurationStore: Sendable {
  /// Absolute; under systemd `$STATE_DIRECTORY`, /var/lib/liteboxd.
  public let directory: String

  public init(directory: String) { self.directory = directory }

  /// Why a text could not be kept.
  public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    /// `keeping state for the next start: renaming /var/lib/…: no space left on device (ENOSPC)`
    public let description: String

    fileprivate init(_ failure: WholeFile.Failure) {
      description = "keeping state for the next start: \(failure)"
    }
  }

  /// Where the last good text of the file at the path lies: `etc-liteboxd-agent.yaml`, as systemd-escape(1) --path
  /// writes `/etc/liteboxd/agent.yaml`.
  public func file(for path: String) -> String { directory + "/" + escapedName(absolute(path)) }

  /// Keeps the text, unless it is kept already. The file is replaced whole or not at all, also in a power cut.
  public func save(_ loaded: LoadedConfiguration) throws(Failure) {
    try replace(file(for: loaded.path), with: loaded.text, for: loaded.path)
  }

  private func replace(_ target: String, with text: [UInt8], for path: String) throws(Failure) {
    // Whatever else stands there, or cannot be read, is replaced.
    if let kept = try? TrustedFile.read(target), kept == text { return }
    // An escaped name has no leading dot, so that this is no other file's.
    let fresh = directory + "/.new-" + escapedName(absolute(path))
    do throws(WholeFile.Failure) {
      try WholeFile.makeDirectory(directory, mode: 0o700)
      try WholeFile.replace(target, via: fresh, with: text, mode: 0o600)
    } catch {
      throw Failure(error)
    }
  }

  // MARK: The pinned exit

  /// Where the name lies of the exit that traffic is pinned to, also after a restart.
  private func pinFile(for path: String) -> String {
    directory + "/.pinned-exit-" + escapedName(absolute(path))
  }

  /// Keeps the exit's name for the configuration file at the path; nil: none is kept from now on.
  public func savePinnedExit(_ name: String?, for path: String) throws(Failure) {
    let target = pinFile(for: path)
    if let name { return try replace(target, with: Array("\(name)\n".utf8), for: path) }
    // On a file system that cannot be written, nothing that is not there is no error.
    guard access(target, F_OK) == 0 || errno != ENOENT else { return }
    do throws(WholeFile.Failure) {
      guard unlink(target) == 0 || errno == ENOENT else { throw WholeFile.Failure("removing", target) }
      try WholeFile.synchronizeDirectory(of: target)
    } catch {
      throw Failure(error)
    }
  }

  /// The name that was kept; nil when there is none. Whether the configuration still has that exit is not looked at.
  public func loadPinnedExit(for path: String) throws(FileRefusal) -> String? {
    let kept = pinFile(for: path)
    var status = stat()
    guard stat(kept, &status) == 0 || errno != ENOENT else { return nil }
    let text = String(decoding: try TrustedFile.read(kept), as: UTF8.self)
    return text.split(separator: "\n").first.map(String.init)
  }

  /// The last good configuration of the file at the path; nil when there is none. Throws when there is one that this
  /// version cannot use; positions are the kept text's, and so is the errors' path.
  public func load(for path: String) throws(ConfigurationErrors) -> LoadedConfiguration? {
    let kept = file(for: path)
    var status = stat()
    guard stat(kept, &status) == 0 || errno != ENOENT else { return nil }
    let text: [UInt8]
    do throws(FileRefusal) {
      text = try TrustedFile.read(kept)
    } catch {
      throw ConfigurationErrors(refusal: error, of: kept)
    }
    return try LoadedConfiguration(parsing: text, path: path, source: kept)
  }
}

/// The path from the root. Whether it exists does not matter, and links are not followed: a name stays a name.
func absolute(_ path: String) -> String {
  guard !path.hasPrefix("/") else { return path }
  var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
  guard getcwd(&buffer, buffer.count) != nil else { return "/" + path }
  let directory = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
  return String(decoding: directory, as: UTF8.self) + "/" + path
}

/// As systemd-escape(1) --path: slashes become `-`, and what is no letter, digit, `:`, `_` or `.` becomes `\xNN`,
/// as a leading dot does. A name that would be too long for a file is the hash of the path instead.
func escapedName(_ path: String) -> String {
  var parts: [Substring] = []
  for part in path.split(separator: "/") where part != "." {
    if part != ".." { parts.append(part) } else { _ = parts.popLast() }
  }
  let name = parts.map { escaped($0.utf8) }.joined(separator: "-")
  guard !name.isEmpty else { return "-" }
  let whole = name.hasPrefix(".") ? "\\x2e" + name.dropFirst() : name
  return whole.utf8.count <= 240 ? whole : "sha256-" + sha256Digits(Array(path.utf8))
}

private func escaped(_ part: Substring.UTF8View) -> String {
  part.reduce(into: "") { text, octet in
    switch octet {
    case 0x30...0x3a, 0x41...0x5a, 0x61...0x7a, 0x5f, 0x2e: text.unicodeScalars.append(Unicode.Scalar(octet))
    default: text += "\\x" + (octet < 16 ? "0" : "") + String(octet, radix: 16)
    }
  }
}
