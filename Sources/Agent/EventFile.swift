import Configuration
import EventLoop
import Glibc
import JSON
import Report

/// Where the history outlives the process: a file that is appended to, an event a line, and beside it the whole
/// history as it was when that file was begun. Each is bounded in size. Nothing waits for the disk itself (no fsync(2)):
/// a power cut costs the last seconds, and no repair waits.
struct EventFile {
  /// Octets of the file that is appended to; the other has up to what the ring holds.
  static let longest = 256 * 1024
  /// Octets that are read of each, from its end.
  private static let mostRead = 4 << 20

  /// No configuration's name begins with a dot where the last good ones are kept.
  let path: String
  private let directory: String
  /// What stands last in the file may be half a line.
  private var isTorn = true

  /// - Parameter directory: made if it is missing.
  init(in directory: String) {
    self.directory = directory
    path = directory + "/.events.jsonl"
  }

  var formerPath: String { path + ".1" }

  /// Which step failed, on what, and why.
  struct Failure: Error, CustomStringConvertible {
    let attempt: String
    let error: String
    var description: String { "\(attempt): \(error)" }

    init(_ attempt: String, _ error: SystemError = .last) {
      self.attempt = attempt
      self.error = "\(error)"
    }

    fileprivate init(_ attempt: String, because error: String) {
      self.attempt = attempt
      self.error = error
    }
  }

  // MARK: Reading

  /// All events of both files, older lines first. What is no whole event is left out: a line that a power cut tore, or
  /// one of a version that knows other events.
  func read() throws(Failure) -> [AgentEvent] {
    var events: [AgentEvent] = []
    for path in [formerPath, path] {
      for line in try bytes(of: path).split(separator: UInt8(ascii: "\n")) {
        guard let json = try? JSONValue(parsing: line), let event = try? AgentEvent(json: json) else {
          continue
        }
        events.append(event)
      }
    }
    return events
  }

  private func bytes(of path: String) throws(Failure) -> [UInt8] {
    let file = Glibc.open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)
    guard file >= 0 else {
      if errno == ENOENT { return [] }
      throw Failure("opening \(path)")
    }
    defer { close(file) }
    var place = off_t(max(0, try Self.size(of: file, path) - Self.mostRead))
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < Self.mostRead {
      let count = pread(file, &buffer, buffer.count, place)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Failure("reading \(path)") }
      if count == 0 { break }
      bytes += buffer.prefix(count)
      place += count
    }
    return bytes
  }

  private static func size(of file: Int32, _ path: String) throws(Failure) -> Int {
    var status = stat()
    guard fstat(file, &status) == 0 else { throw Failure("reading the attributes of \(path)") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw Failure("opening \(path)", because: "it is no regular file; remove it")
    }
    return Int(status.st_size)
  }

  // MARK: Writing

  /// Adds the events of the history that are newer than that number. Where the file would become too long, the whole
  /// history takes the other's place, and it begins anew.
  mutating func add(_ history: EventRing, after number: Int64) throws(Failure) {
    let file = try open(path, O_APPEND)
    defer { close(file) }
    let text = (isTorn ? [UInt8(ascii: "\n")] : []) + Self.text(history.events(after: number))
    if try Self.size(of: file, path) + text.count > Self.longest {
      try replaceFormer(with: Self.text(history.events[...]))
      guard ftruncate(file, 0) == 0 else { throw Failure("emptying \(path)") }
      return
    }
    isTorn = true
    try Self.write(text, to: file, path)
    isTorn = false
  }

  /// A reader finds the one or the other whole.
  private func replaceFormer(with text: [UInt8]) throws(Failure) {
    let fresh = path + ".new"
    unlink(fresh)
    do throws(Failure) {
      let file = try open(fresh, O_EXCL)
      defer { close(file) }
      try Self.write(text, to: file, fresh)
      guard rename(fresh, formerPath) == 0 else { throw Failure("renaming \(fresh)") }
    } catch {
      // Half a file would take the place that another try needs.
      unlink(fresh)
      throw error
    }
  }

  private func open(_ path: String, _ flag: Int32) throws(Failure) -> Int32 {
    do throws(WholeFile.Failure) { try WholeFile.makeDirectory(directory, mode: 0o700) } catch {
      throw Failure("keeping the history in \(directory)", because: "\(error)")
    }
    let flags = O_WRONLY | O_CREAT | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | flag
    let file = Glibc.open(path, flags, 0o600)
    guard file >= 0 else { throw Failure("opening \(path)") }
    let refusal = FileOwner.inherit(file, from: directory)
    guard refusal == 0 else {
      close(file)
      throw Failure("giving \(path) to its directory's owner", SystemError(rawValue: refusal))
    }
    return file
  }

  private static func write(_ text: [UInt8], to file: Int32, _ path: String) throws(Failure) {
    var rest = text[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Failure("writing \(path)") }
      rest = rest.dropFirst(count)
    }
  }

  private static func text(_ events: ArraySlice<AgentEvent>) -> [UInt8] {
    events.flatMap { Array(($0.json().text + "\n").utf8) }
  }
}
