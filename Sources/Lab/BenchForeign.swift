import Glibc
import JSON

extension BenchPart {
  static let foreign = BenchPart(
    "foreign", "a million of others' routes on the host, 64 exits, 1,000 sources"
  ) { options in
    [try BenchForeign(options).section(options.isQuick ? 10_000 : 1_000_000), try manyNames(options)]
  }

  /// What the agent may be told of besides: as many exits as there may be, and many sources.
  private static func manyNames(_ options: Bench.Options) throws -> BenchSection {
    let lab = try Lab(.init(agent: options.agent))
    defer { lab.close() }
    let sources = (0..<1000).map { "    - 20.0.\($0 >> 7).\($0 << 1 & 255)/32" }.joined(separator: "\n")
    let cloud = try lab.startAgent(
      on: .cloudA,
      configuration: lab.configuration(for: .cloudA).replacing(
        "  sources: [\(Address.tunnelNetwork)]",
        with: "  sources:\n    - \(Address.tunnelNetwork)\n\(sources)"
      ).replacing("resyncInterval: 5s", with: "resyncInterval: 1s"))
    try cloud.waitFor(phase: "ready", within: .seconds(20))
    let gateway = try lab.startAgent(
      on: .gateway,
      configuration: lab.configurationOfManyExits().replacing(
        "resyncInterval: 30s", with: "resyncInterval: 1s"))
    try gateway.waitForStatus("healthy exits", within: .seconds(20)) { status in
      status["exits"]?.array?.count { $0["healthy"]?.bool == true } == BenchExits.most
    }
    let rounds = options.count(5, quick: 1)
    return BenchSection(
      "full pass, nothing to do",
      [
        BenchRow("cloud server with 1,000 sources", try cloud.fullPasses(rounds)),
        BenchRow("gateway with \(BenchExits.most) exits", try gateway.fullPasses(rounds)),
      ])
  }
}

/// The same gateway without and with very many routes of others beside its own.
struct BenchForeign {
  private let options: Bench.Options
  init(_ options: Bench.Options) { self.options = options }

  func section(_ count: Int) throws -> BenchSection {
    let lab = try Lab(.init(agent: options.agent))
    defer { lab.close() }
    try lab.startAgent(on: .cloudA).waitFor(phase: "ready", within: .seconds(10))
    let without = try rows(lab, "no foreign route")
    try lab.addForeignRoutes(count)
    let with = try rows(lab, "\(count) foreign routes")
    var section = BenchSection("a gateway beside others' routes")
    for (row, base) in zip(with, without) {
      section.rows += [base, row.beside(base, called: "without them")]
      section.goals.append(
        BenchGoal("\(row.name) beside none", .times, row.times(base), .atMost(1.2)))
    }
    return section
  }

  private func rows(_ lab: Lab, _ name: String) throws -> [BenchRow] {
    let text = try lab.configuration(for: .gateway, Bench.Intervals(), metrics: "off").replacing(
      "resyncInterval: 30s", with: "resyncInterval: 1s")
    let starts = try lab.measureStarts(
      options.count(10, quick: 2), lab.agentProgram(on: .gateway, configuration: text))
    let agent = try lab.startAgent(on: .gateway, configuration: text)
    try agent.waitFor(phase: "ready", within: .seconds(20))
    let passes = try agent.fullPasses(options.count(5, quick: 1))
    let repairs = try lab.measureRepairs(
      rounds: options.count(50, quick: 3), pause: options.pause, agent, of: "route deleted")
    _ = try agent.terminateAndWait()
    try agent.run(["teardown", "--yes"]).expectSuccess("teardown")
    return [
      BenchRow("exec to READY=1, \(name)", starts.toReady),
      BenchRow("full pass, nothing to do, \(name)", passes),
      BenchRow("route deleted, until it is back, \(name)", repairs[0].times),
    ]
  }
}

extension AgentProcess {
  /// The agent's own account of its full readings (`reconcile.lastDurationSeconds`), one in each interval. What else
  /// makes a pass has less read: the longest of an interval is the full one.
  func fullPasses(_ rounds: Int, every interval: Duration = .seconds(1)) throws -> [Duration] {
    try (0..<rounds).map { _ in
      let end = Moment.now + interval + .milliseconds(200)
      var longest = Duration.zero
      while Moment.now < end {
        let last = try status()?["reconcile"]?["lastDurationSeconds"]?.number ?? 0
        longest = max(longest, .seconds(last))
        pause(.milliseconds(5))
      }
      return longest
    }
  }
}

extension Lab {
  /// Routes of nobody the agent knows, in a table of their own on the gateway.
  func addForeignRoutes(_ count: Int) throws {
    try namespace(.gateway).inside {
      let socket = try RoutingSocket()
      for start in stride(from: 0, to: count, by: 256) {
        let routes = (start..<min(start + 256, count)).map(foreignRoute)
        try socket.request(routes, [.create])
        try socket.acknowledge(routes.count)
      }
    }
  }
}

/// ip route add blackhole 20.x.y.z/32 table 500 proto static
private func foreignRoute(_ number: Int) -> RoutingMessage {
  let address = UInt32(20) << 24 | UInt32(number)
  // struct rtmsg, RTA_DST, RTA_TABLE.
  let header: [UInt8] = [UInt8(AF_INET), 32, 0, 0, 0, 4, 0, 6, 0, 0, 0, 0]
  let payload = header + [8, 0, 1, 0] + octets(address.bigEndian) + [8, 0, 15, 0] + octets(UInt32(500))
  return RoutingMessage(type: 24, payload: payload)
}
