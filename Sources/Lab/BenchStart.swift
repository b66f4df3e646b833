import Glibc

extension Lab {
  /// Starts the agent in the gateway's namespace, where nothing of its is left, so often.
  func measureStarts(_ count: Int, _ configuration: String) throws -> BenchReport.Starts {
    var starts = BenchReport.Starts()
    let program = try agentProgram(on: .gateway, configuration: configuration)
    for _ in 0..<count {
      let start = try measureStart(program)
      starts.toFirstChange.append(start.first)
      starts.toFailClosed.append(start.closed)
      starts.toReady.append(start.ready)
      try Command(program.command(["teardown", "--yes"]).arguments).output()
    }
    starts.sort()
    return starts
  }

  private typealias Start = (first: Duration, closed: Duration, ready: Duration)

  /// From just before the program is started to the kernel's first word of a change, to its last word of one
  /// before READY=1, and to that.
  private func measureStart(_ program: AgentProgram) throws -> Start {
    let service = try NotifySocket(at: "\(directory)/notify")
    let watch = try KernelWatch(.gateway, in: self)
    let log = Descriptor(open("\(directory)/starts.log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600))
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
    try watch.stop()
    process.signal(SIGTERM)
    _ = try process.wait(within: .seconds(10))
    let changes = watch.events(since: start).filter {
      $0.time <= ready && $0.change == .added && ($0.object == .rule || $0.object == .nftables)
    }
    guard let first = changes.first, let last = changes.last else {
      throw LabError(
        "timing a start", "READY=1 came and no rule:\n\(try readFile("\(directory)/starts.log"))")
    }
    return (first.time - start, last.time - start, ready - start)
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
  func waitForReady(within limit: Duration = .seconds(5)) throws(LabError) -> Moment {
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
