import JSON

extension BenchPart {
  static let exits = BenchPart("exits", "what exits cost, and how soon a dead one is out of the kernel") {
    [try BenchExits.probed($0), try BenchExits.cut($0)]
  }
}

/// What it costs to probe very many exits, and how soon a dead one is out of the kernel.
enum BenchExits {
  /// The most that a configuration may name.
  static let most = 64
  /// Milliseconds, of the answers to its probes.
  static let roundTrips = 5...300
  /// Of a core, for `most` exits at 1 s.
  static let goal = 0.005

  fileprivate static func probed(_ options: Bench.Options) throws -> BenchSection {
    let rest = try probing(options)
    return BenchSection(
      "probing \(most) exits",
      [BenchRow("of a core", .share, rest.cpuShare), BenchRow("wake-ups", .count, Double(rest.wakeUps))],
      notes: [
        "all answer, after \(roundTrips.lowerBound) to \(roundTrips.upperBound) ms; one probe to each in "
          + "\(Bench.Intervals().probe.wholeSeconds) s, for \(rest.watched.wholeSeconds) s"
      ],
      goals: [BenchGoal("share of a core for \(most) exits", .share, rest.cpuShare, .below(goal))])
  }

  fileprivate static func cut(_ options: Bench.Options) throws -> BenchSection {
    BenchSection(
      "from an exit's end to the change of the route",
      [
        BenchRow("blocked: there is no other exit", try blocked(options)),
        BenchRow("switched to another exit", try switched(options)),
      ],
      notes: ["with probes each \(200 * Patience.factor) ms, three of which must be lost"])
  }

  // MARK: Cost

  private static func probing(_ options: Bench.Options) throws -> Rest {
    let lab = try Lab(.init(agent: options.agent))
    defer { lab.close() }
    let configuration = try lab.configurationOfManyExits()
    try lab.startAgent(on: .cloudA).waitFor(phase: "ready", within: .seconds(10))
    let agent = try lab.startAgent(on: .gateway, configuration: configuration)
    try agent.waitForStatus("\(most) healthy exits", within: .seconds(20)) { status in
      status["exits"]?.array?.count { $0["healthy"]?.bool == true } == most
    }
    // As from all over the world: each answer wakes the agent by itself.
    try lab.delay(.cloudA, byMilliseconds: roundTrips)
    // The first addresses have just been resolved, and more often asked for than in the long run.
    lab.letPass(.seconds(2))
    return try Rest(of: ProcessFiles(pid: agent.pid), over: options.time(.seconds(20), quick: .seconds(1)))
  }

  // MARK: Outages, with the lab's own quick probes

  private static func blocked(_ options: Bench.Options) throws -> [Duration] {
    try outages(.one, options) { lab, agent, watch in
      let time = try lab.timeOutage(of: .cloudA, watch) { !$0.isOpen }
      let healed = Moment.now
      try lab.heal(.cloudA)
      _ = try watch.waitForTunnelDefault(since: healed, within: .seconds(10), \.isOpen)
      agent = try lab.restart(agent)
      return time
    }
  }

  private static func switched(_ options: Bench.Options) throws -> [Duration] {
    var (active, standby) = (Node.cloudA, Node.cloudB)
    return try outages(.two, options) { lab, agent, watch in
      let time = try lab.timeOutage(of: active, watch) { $0.exits == [standby.tunnelAddress] }
      try lab.heal(active)
      agent = try lab.restart(agent)
      try agent.waitForHealthy(active)
      swap(&active, &standby)
      return time
    }
  }

  private static func outages(
    _ clouds: CloudServers, _ options: Bench.Options,
    _ outage: (Lab, inout AgentProcess, KernelWatch) throws -> Duration
  ) throws -> [Duration] {
    let lab = try Lab(.init(clouds: clouds, agent: options.agent))
    defer { lab.close() }
    for cloud in lab.clouds { try lab.startAgent(on: cloud).waitFor(phase: "ready", within: .seconds(10)) }
    let configuration = try lab.configuration(for: .gateway)
      .replacing("failbackAfter: 2s", with: "failbackAfter: 1h")
    var agent = try lab.startAgent(on: .gateway, configuration: configuration)
    try agent.waitFor(phase: "ready", within: .seconds(10))
    for standby in lab.clouds.dropFirst() { try agent.waitForHealthy(standby) }
    let watch = try KernelWatch(.gateway, in: lab)
    return try (0..<options.count(15, quick: 2, asked: options.outages)).map { _ in
      try outage(lab, &agent, watch)
    }
  }
}

extension AgentProcess {
  /// Waits until the gateway's agent takes that exit for healthy.
  public func waitForHealthy(_ exit: Node, within limit: Duration = .seconds(10)) throws {
    try waitForStatus("\(exit) healthy", within: limit) { status in
      status["exits"]?.array?.first { $0["name"]?.string == exit.rawValue }?["healthy"]?.bool == true
    }
  }
}

extension Lab {
  /// Cuts the exit at any moment of a probe's interval; from then to the first change that passes the test.
  fileprivate func timeOutage(
    of exit: Node, _ watch: KernelWatch, until done: (KernelWatch.TunnelDefault) -> Bool
  ) throws -> Duration {
    letPass(.nanoseconds(Int64.random(in: 0..<200_000_000)))
    let start = Moment.now
    try cut(exit)
    return try watch.waitForTunnelDefault(since: start, within: .seconds(10), done).time - start
  }

  /// Gives the cloud server the addresses of as many exits as there may be; the gateway's configuration with them.
  func configurationOfManyExits() throws -> String {
    let addresses = (2..<2 + BenchExits.most).map { "10.147.17.\($0)" }
    let device = try zeroTier(.cloudA).device
    try namespace(.cloudA).ip(batch: addresses.dropFirst().map { "addr add \($0)/24 dev \(device)" })
    let exits = addresses.enumerated().map { "    - {name: exit-\($0.offset), address: \($0.element)}" }
    let lines = try configuration(for: .gateway, .init(), metrics: "127.0.0.1:9479").split(
      separator: "\n", omittingEmptySubsequences: false)
    guard let first = lines.firstIndex(of: "  exits:"), let end = lines.firstIndex(of: "  probe:") else {
      throw LabError("writing a configuration of \(addresses.count) exits", "the lab's own has no exits")
    }
    return (lines[...first].map(String.init) + exits + lines[end...].map(String.init)).joined(separator: "\n")
  }
}
