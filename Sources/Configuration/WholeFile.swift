import CLinux
import Glibc

/// Replaces files whole or not at all, also in a power cut.
public enum WholeFile {
  /// Which step failed, on what, and why.
  public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    let attempt: String
    let path: String
    /// errno
    public let number: Int32

    init(_ attempt: String, _ path: String, _ number: Int32 = errno) {
      self.attempt = attempt
      self.path = path
      self.number = number
    }

    /// `renaming /etc/…: no space left on device (ENOSPC)`
    public var description: String { "\(attempt) \(printable(path, limit: 4096)): \(errnoText(number))" }
  }

  /// Puts the text at the path by way of `fresh`, a file of the same directory that is nobody else's.
  /// - Parameter mode: whatever the umask is.
  public static func replace(
    _ path: String, via fresh: String, with text: [UInt8], mode: mode_t
  ) throws(Failure) {
    do throws(Failure) {
      try write(text, to: fresh, mode)
      guard rename(fresh, path) == 0 else { throw Failure("renaming", fresh) }
    } catch {
      // Half a file would take the place that another try needs.
      unlink(fresh)
      throw error
    }
    try synchronizeDirectory(of: path)
  }

  private static func write(_ text: [UInt8], to path: String, _ mode: mode_t) throws(Failure) {
    // Made anew: a leftover would keep its own mode, and a link would lead elsewhere.
    guard unlink(path) == 0 || errno == ENOENT else { throw Failure("removing", path) }
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Failure("creating", path) }
    defer { close(file) }
    let refusal = FileOwner.inherit(file, from: directory(of: path))
    guard refusal == 0 else { throw Failure("giving to its directory's owner", path, refusal) }
    var rest = text[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Failure("writing", path) }
      rest = rest.dropFirst(count)
    }
    guard fchmod(file, mode) == 0, fsync(file) == 0 else { throw Failure("writing", path) }
  }

  /// With its parents, as far as they are missing.
  public static func makeDirectory(_ directory: String, mode: mode_t) throws(Failure) {
    var path = ""
    for part in directory.split(separator: "/") {
      path += "/" + part
      guard mkdir(path, mode) == 0 || errno == EEXIST else { throw Failure("making", path) }
    }
  }

  /// So that renaming or removing outlives a power cut (fsync(2)).
  static func synchronizeDirectory(of path: String) throws(Failure) {
    let directory = directory(of: path)
    let handle = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard handle >= 0 else { throw Failure("opening", directory) }
    defer { close(handle) }
    guard fsync(handle) == 0 else { throw Failure("writing", directory) }
  }

  private static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
