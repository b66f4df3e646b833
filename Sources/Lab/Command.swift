import Glibc

/// A command of this machine, `ip` or `nft` mostly, that runs to its end.
public struct Command: Sendable, CustomStringConvertible {
  public var arguments: [String]
  /// Its standard input.
  public var input: String
  /// How long it may run before it is killed.
  public var limit: Duration

  public init(_ arguments: [String], input: String = "", limit: Duration = .seconds(20)) {
    self.arguments = arguments
    self.input = input
    self.limit = limit
  }

  public var description: String { arguments.joined(separator: " ") }

  public struct Result: Sendable {
    public let status: ExitStatus
    public let stdout: String
    public let stderr: String
  }

  /// Its standard output; anything but exit status 0 is an error with what it said.
  @discardableResult public func output() throws(LabError) -> String {
    let result = try run()
    guard result.status == .exited(0) else {
      let said = result.stderr.isEmpty ? result.stdout : result.stderr
      let fed = input.isEmpty ? "" : "\nits input:\n\(input)"
      throw LabError("running \(self)", "\(result.status): \(said)\(fed)")
    }
    return result.stdout
  }

  /// What came of it, whatever its exit status.
  public func run(environment: [String: String] = [:]) throws(LabError) -> Result {
    // Socket pairs, not pipes: only they are born close-on-exec without a gap, and a pipe's write end that
    // leaked into a daemon started at the same time would keep the reader waiting for its end.
    let (input, output, error) = (try SocketPair(), try SocketPair(), try SocketPair())
    let child = try ChildProcess(
      arguments, environment: environment,
      streams: .init(input: input.theirs, output: output.theirs, error: error.theirs), group: .shared)
    for pair in [input, output, error] { pair.closeTheirs() }
    let end = Moment.now + limit.patient
    let (stdout, stderr) = exchange(input, output, error, until: end)
    guard let status = eventually(until: end, step: .milliseconds(1), child.poll) else {
      child.end()
      throw LabError("running \(self)", "killed, still running after \(limit.patient): \(stderr)")
    }
    return Result(status: status, stdout: stdout, stderr: stderr)
  }

  private func exchange(
    _ input: SocketPair, _ output: SocketPair, _ error: SocketPair, until end: Moment
  ) -> (String, String) {
    var unsent = Array(self.input.utf8)[...]
    if unsent.isEmpty { input.closeOurs() }
    var received: [[UInt8]] = [[], []]
    var open = [output, error]
    while !open.isEmpty, Moment.now < end {
      var waiting = open.map { pollfd(fd: $0.ours, events: Int16(POLLIN), revents: 0) }
      if !unsent.isEmpty { waiting.append(pollfd(fd: input.ours, events: Int16(POLLOUT), revents: 0)) }
      guard poll(&waiting, nfds_t(waiting.count), end.pollTimeout) > 0 else { continue }
      if !unsent.isEmpty, waiting.last?.revents != 0 {
        unsent = unsent.dropFirst(sendSome(Array(unsent), to: input.ours) ?? unsent.count)
        if unsent.isEmpty { input.closeOurs() }
      }
      for (pair, state) in zip(open, waiting) where state.revents != 0 {
        let bytes = receiveSome(from: pair.ours)
        if bytes.isEmpty { open.removeAll { $0 === pair } }
        received[pair === output ? 0 : 1] += bytes
      }
    }
    return (String(decoding: received[0], as: UTF8.self), String(decoding: received[1], as: UTF8.self))
  }
}

/// Two connected sockets, one to keep and one for a child.
final class SocketPair {
  private(set) var ours: Int32
  private(set) var theirs: Int32

  init() throws(LabError) {
    var pair: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, SocketKind.stream.type(.blocking), 0, &pair) == 0 else {
      throw LabError("making a socket pair", errno: errno)
    }
    (ours, theirs) = (pair[0], pair[1])
  }

  deinit {
    closeOurs()
    closeTheirs()
  }

  func closeOurs() {
    if ours >= 0 { close(ours) }
    ours = -1
  }

  /// Our end, now the caller's to close.
  func release() -> Int32 {
    defer { ours = -1 }
    return ours
  }

  func closeTheirs() {
    if theirs >= 0 { close(theirs) }
    theirs = -1
  }
}
