import Glibc

extension BenchPart {
  static let start = BenchPart("start", "from exec to fail-closed and to READY=1") { options in
    let lab = try Lab(.init(agent: options.agent))
    defer { lab.close() }
    try lab.startAgent(on: .cloudA).waitFor(phase: "ready", within: .seconds(10))
    let configuration = try lab.configuration(for: .gateway, Bench.Intervals(), metrics: "127.0.0.1:9479")
    let starts = try lab.measureStarts(
      options.count(40, quick: 3), lab.agentProgram(on: .gateway, configuration: configuration))
    let closed = BenchRow("fail-closed: guard, tables and rules stand", starts.toFailClosed)
    let ready = BenchRow("READY=1, after the kernel was read again", starts.toReady)
    return [
      BenchSection(
        "from exec", [BenchRow("first change of the kernel", starts.toFirstChange), closed, ready],
        goals: [
          BenchGoal("exec to fail-closed, median", .seconds, closed.value, .below(0.010)),
          BenchGoal("exec to READY, median", .seconds, ready.value, .below(0.030)),
        ])
    ]
  }
}

/// From the start of the program.
struct BenchStarts {
  /// The first change of the kernel that it makes: it tries what nftables can do.
  var toFirstChange: [Duration] = []
  /// The last one before it says that it is ready: guard, tables and rules stand.
  var toFailClosed: [Duration] = []
  /// READY=1, after the kernel was read again.
  var toReady: [Duration] = []
}

extension Lab {
  /// Starts the agent on its node, where nothing of its is left, so often.
  func measureStarts(_ count: Int, _ program: AgentProgram) throws -> BenchStarts {
    var starts = BenchStarts()
    for _ in 0..<count {
      let start = try measureStart(program)
      starts.toFirstChange.append(start.first)
      starts.toFailClosed.append(start.closed)
      starts.toReady.append(start.ready)
      try program.run(["teardown", "--yes"]).expectSuccess("teardown")
    }
    return starts
  }

  /// From exec to READY=1, where nothing of the agent's is left, so often. Nobody listens: the kernel announces each of a
  /// set's elements to who does, which takes it longer than to add them.
  func measureLoads(_ count: Int, _ program: AgentProgram) throws -> [Duration] {
    try (0..<count).map { _ in
      let (start, ready) = try startUntilReady(program)
      try program.run(["teardown", "--yes"]).expectSuccess("teardown")
      return ready - start
    }
  }

  private typealias Start = (first: Duration, closed: Duration, ready: Duration)

  /// From just before the program is started to the kernel's first word of a change, to its last word of one
  /// before READY=1, and to that.
  private func measureStart(_ program: AgentProgram) throws -> Start {
    let watch = try KernelWatch(program.node, in: self)
    let (start, ready) = try startUntilReady(program)
    try watch.stop()
    let changes = watch.events(since: start).filter {
      $0.time <= ready && $0.change == .added && ($0.object == .rule || $0.object == .nftables)
    }
    guard let first = changes.first, let last = changes.last else {
      throw LabError("timing a start", "READY=1 came and no rule:\n\(try readFile(startLog))")
    }
    return (first.time - start, last.time - start, ready - start)
  }

  private var startLog: String { "\(directory)/starts.log" }

  /// Starts the agent, and ends it once it is ready.
  private func startUntilReady(_ program: AgentProgram) throws -> (start: Moment, ready: Moment) {
    let service = try NotifySocket(at: "\(directory)/notify")
    let log = Descriptor(open(startLog, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600))
    let nothing = Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC))
    let environment = program.environment.merging(["NOTIFY_SOCKET": service.path]) { $1 }
    // Without ip(8) in between, whose own start takes longer than the agent's.
    let (start, process) = try program.namespace.inside {
      let streams = ChildProcess.Streams(input: nothing.number, output: log.number, error: log.number)
      return (
        Moment.now,
        try ChildProcess(
          [program.program, "run", "--config", program.configurationPath], environment: environment,
          streams: streams, group: .own)
      )
    }
    defer { process.end() }
    let ready = try service.waitForReady()
    process.signal(SIGTERM)
    _ = try process.wait(within: .seconds(10))
    return (start, ready)
  }
}

/// Where a service tells systemd of its state (sd_notify(3)).
private final class NotifySocket {
  let path: String
  private let socket: Descriptor

  init(at path: String) throws(LabError) {
    self.path = path
    unlink(path)
    socket = try Descriptor.socket(AF_UNIX, .datagram, .blocking)
    guard let address = SocketAddress(path: path) else { throw LabError("binding to \(path)", "too long") }
    try socket.bind(address, called: path)
  }

  /// When READY=1 came.
  func waitForReady(within limit: Duration = .seconds(30)) throws(LabError) -> Moment {
    let end = Moment.now + limit
    while Moment.now < end {
      var waiting = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, end.pollTimeout) > 0 else { continue }
      let now = Moment.now
      guard let (bytes, _) = socket.receive() else { continue }
      if String(decoding: bytes, as: UTF8.self).split(separator: "\n").contains("READY=1") { return now }
    }
    throw LabError("waiting for READY=1", "not told after \(limit)")
  }
}
