import CLinux
import EventLoop
import Glibc

/// Another program of this host, run to its end: started directly, without a shell, with an environment of its own,
/// nothing on its standard input, and killed when it takes too long.
struct ExternalProgram {
  /// Where root's programs are, in the order of a login's PATH.
  static let directories = [
    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
  ]
  /// Octets of its output; more is an error. A large cluster's iptables-save has some ten million.
  private static let mostOutput = 64 << 20

  let path: String

  /// nil when the host has no program of that name.
  init?(named name: String) {
    let paths = Self.directories.map { directory in "\(directory)/\(name)" }
    guard let found = paths.first(where: { access($0, X_OK) == 0 }) else { return nil }
    path = found
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
    fileprivate init(_ command: String, _ problem: String) { description = "running \(command): \(problem)" }
  }

  /// What it printed. Any status but 0 is an error with what it said.
  @discardableResult func run(_ arguments: [String], within limit: Duration = .seconds(20)) throws -> String {
    let command = ([path] + arguments).joined(separator: " ")
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw Failure(command, "pipe: \(SystemError.last)") }
    defer { close(ends[0]) }
    let nothing = open("/dev/null", O_RDONLY)
    let child: pid_t
    do {
      defer {
        close(ends[1])
        if nothing >= 0 { close(nothing) }
      }
      guard nothing >= 0 else { throw Failure(command, "opening /dev/null: \(SystemError.last)") }
      child = try spawn([path] + arguments, command, input: nothing, output: ends[1])
    }
    let deadline = MonotonicTime.now + limit
    let output = read(ends[0], until: deadline)
    let status = wait(for: child, until: deadline)
    let said = output.map { String(decoding: $0, as: UTF8.self) } ?? ""
    guard let status else {
      throw Failure(command, "still running after \(limit), so it was killed: \(said)")
    }
    guard output != nil else { throw Failure(command, "it printed more than \(Self.mostOutput) octets") }
    guard status == 0 else {
      let how = status & 0x7f == 0 ? "exit status \(status >> 8 & 0xff)" : "killed by signal \(status & 0x7f)"
      throw Failure(command, "\(how): \(said.split(whereSeparator: \.isNewline).joined(separator: "; "))")
    }
    return said
  }

  private func spawn(_ words: [String], _ command: String, input: Int32, output: Int32) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, descriptor) in [input, output, output].enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
    }
    clinux_spawn_close_from(&actions, 3)
    let variables = ["PATH=" + Self.directories.joined(separator: ":"), "LANG=C.UTF-8", "SYSTEMD_PAGER="]
    var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
    defer { for text in argv + envp { free(text) } }
    var child: pid_t = 0
    let code = posix_spawn(&child, path, &actions, nil, &argv, &envp)
    guard code == 0 else { throw Failure(command, "\(SystemError(rawValue: code))") }
    return child
  }

  /// Until the other end is closed, or the time is over; nil: it was too much.
  private func read(_ descriptor: Int32, until deadline: MonotonicTime) -> [UInt8]? {
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while MonotonicTime.now < deadline {
      var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, 100) > 0 else { continue }
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      output += buffer.prefix(count)
      if output.count > Self.mostOutput { return nil }
    }
    return output
  }

  /// Its wait status (wait(2)); nil: it had to be killed.
  private func wait(for child: pid_t, until deadline: MonotonicTime) -> Int32? {
    var status: Int32 = 0
    while MonotonicTime.now < deadline {
      switch waitpid(child, &status, WNOHANG) {
      case child: return status
      case 0: poll(nil, 0, 5)
      default: if errno != EINTR { return nil }
      }
    }
    kill(child, SIGKILL)
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    return nil
  }
}
