import Lab
import Testing

/// The lab's own probe settings, from which the bounds follow.
private enum Probe {
  static let interval = Duration.milliseconds(200)
  static let timeout = Duration.milliseconds(200)
  static let failAfter = 3
  static let recoverAfter = 2
  /// What a dead exit may take until no packet goes there any more.
  static let bound = interval * failAfter + timeout + .milliseconds(500)
}

/// One outage as the kernel's routes saw it.
private struct Outage: Sendable {
  /// From the cut to the route's change.
  let noticed: Duration
  /// From the healing to the route's return, and the probes that were answered until then; nil: it did not return.
  var returned: (after: Duration, answers: Int)?
}

private struct Outages: Sendable {
  var outages: [Outage] = []
  let leaks: LeakCount
  let traffic: TrafficReport
}

@Suite("S5: an exit is dead while its link is up and ZeroTier says OK", .serialized)
struct DeadExitTests {
  @Test(
    "it is out of the kernel in time, whenever it dies, and comes back after enough answers; nothing leaks")
  func distribution() throws {
    let runs = try inParallel(4) { number in
      number < 2 ? try Self.alone(times: 25) : try Self.inTurns(times: 25)
    }
    let (alone, inTurns) = (runs[..<2].flatMap(\.outages), runs[2...].flatMap(\.outages))
    let returns = alone.compactMap(\.returned)
    print("from the cut to blocked, one exit, \(spread(alone.map(\.noticed)))")
    print("from the cut to switched, two exits, \(spread(inTurns.map(\.noticed)))")
    print("from the healing to open again, \(spread(returns.map(\.after)))")
    #expect(alone.count == 50 && inTurns.count == 50 && returns.count == 50)
    #expect((alone + inTurns).allSatisfy { $0.noticed <= Probe.bound })
    #expect(returns.allSatisfy { $0.answers >= Probe.recoverAfter }, "\(returns.map(\.answers))")
    #expect(returns.allSatisfy { $0.after <= Probe.bound }, "\(returns.map(\.after))")
    for run in runs {
      #expect(run.leaks.total == 0, "\(run.leaks) of \(run.traffic)")
      #expect(Stage.everyFlow.allSatisfy { run.traffic[$0].sent > 0 }, "\(run.traffic)")
    }
  }

  @Test("the control: under the plan's recipe the same counters see the same traffic leak")
  func control() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.followPlanByHand()
    let traffic = try lab.startTraffic(Stage.everyFlow, perSecond: 10)
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    // A dead exit's packets vanish, protected or not; it is the link's end that shows the difference.
    try lab.cut(.cloudA)
    lab.letPass(.milliseconds(300))
    let stillHeld = try lab.leaks()
    #expect(stillHeld.total == stillHeld.ipv6, "\(stillHeld)")
    try lab.zeroTier(.gateway).tell(.linkDown)
    lab.letPass(.seconds(1))
    try traffic.stop()
    let leaks = try lab.leaks()
    #expect(min(leaks.tcp, leaks.udp, leaks.icmp) > 0 && leaks.ipv6 > 0, "\(leaks)")
  }

  /// The only exit dies and comes back.
  private static func alone(times: Int) throws -> Outages {
    try underTraffic(.one) { stage, watch in
      let echoes = try EchoWatch(.gateway, in: stage.lab)
      return try (0..<times).map { _ in
        var outage = try cut(.cloudA, stage, watch) { !$0.isOpen }
        stage.lab.letPass(phase())
        let healed = Moment.now
        try stage.lab.heal(.cloudA)
        let opened = try watch.waitForTunnelDefault(since: healed, within: .seconds(5), \.isOpen)
        // One that is read at the same moment belongs to those before; the next comes an interval later.
        let answers = echoes.replies(from: Node.cloudA.tunnelAddress ?? "", since: healed)
          .count { $0.time <= opened.time + .milliseconds(20) }
        outage.returned = (opened.time - healed, answers)
        // One that fails again soon has to answer for longer; that is another's subject.
        try stage.restartGateway()
        return outage
      }
    }
  }

  /// The exit in use dies, and the other one, healthy again, takes over: each in its turn.
  private static func inTurns(times: Int) throws -> Outages {
    try underTraffic(.two) { stage, watch in
      var (active, standby) = (Node.cloudA, Node.cloudB)
      return try (0..<times).map { _ in
        let outage = try cut(active, stage, watch) { [standby] in $0.exits == [standby.tunnelAddress] }
        try stage.lab.heal(active)
        try stage.restartGateway()
        try stage.gateway.waitForHealthy(active)
        swap(&active, &standby)
        return outage
      }
    }
  }

  /// At any moment of a probe's interval.
  private static func phase() -> Duration { .nanoseconds(Int64.random(in: 0..<200_000_000)) }

  private static func cut(
    _ exit: Node, _ stage: Stage, _ watch: KernelWatch, until done: (KernelWatch.TunnelDefault) -> Bool
  ) throws -> Outage {
    stage.lab.letPass(phase())
    let start = Moment.now
    try stage.lab.cut(exit)
    let change = try watch.waitForTunnelDefault(since: start, within: .seconds(5), done)
    return Outage(noticed: change.time - start)
  }

  private static func underTraffic(
    _ clouds: CloudServers, _ body: (Stage, KernelWatch) throws -> [Outage]
  ) throws -> Outages {
    // Traffic that went back to the preferred exit by itself would be another's subject.
    let stage = try Stage(clouds: clouds) { $0.replacing("failbackAfter: 2s", with: "failbackAfter: 1h") }
    try stage.lab.resetLeaks()
    let traffic = try stage.lab.startTraffic(Stage.everyFlow, perSecond: 10)
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    let outages = try body(stage, KernelWatch(.gateway, in: stage.lab))
    let report = try traffic.stop()
    return Outages(outages: outages, leaks: try stage.lab.leaks(), traffic: report)
  }
}
