import Lab
import Testing

@Suite("Leak counters", .serialized)
struct LeakTests {
  /// What takes the tunnel away.
  enum Fault: String, CaseIterable, Sendable {
    case linkDown, linkDeleted, killed

    func strike(_ lab: Lab) throws {
      switch self {
      case .linkDown: try lab.zeroTier(.gateway).tell(.linkDown)
      case .linkDeleted: try lab.zeroTier(.gateway).tell(.linkDelete)
      case .killed: try lab.zeroTier(.gateway).kill()
      }
    }
  }

  private func traffic(in lab: Lab, _ body: (Traffic) throws -> Void) throws -> TrafficReport {
    let traffic = try lab.startTraffic(perSecond: 50)
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    try body(traffic)
    return try traffic.stop()
  }

  @Test("nothing leaks and all is answered while the tunnel stands")
  func standing() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.followPlanByHand()
    let report = try traffic(in: lab) { _ in lab.letPass(.milliseconds(500)) }
    #expect(try lab.leaks().total == 0)
    for flow in TrafficFlow.all {
      #expect(report[flow].answered >= report[flow].sent - 1, "\(report)")
      if flow.kind == .udp { #expect(report[flow].seenAddresses == ["203.0.113.50"]) }
    }
    #expect(try lab.packetsPublished(by: .cloudA) > report.answered)
  }

  @Test(
    "the plan's recipe leaks TCP, UDP and ICMP, forwarded and bound, once the tunnel is gone",
    arguments: Fault.allCases)
  func leaking(_ fault: Fault) throws {
    for path in TrafficFlow.Path.allCases {
      let lab = try Lab()
      defer { lab.close() }
      try lab.followPlanByHand()
      let flows = TrafficFlow.all.filter { $0.path == path }
      let traffic = try lab.startTraffic(flows, perSecond: 50)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      #expect(try lab.leaks().total == 0)
      try fault.strike(lab)
      lab.letPass(.milliseconds(500))
      try traffic.stop()
      let leaks = try lab.leaks()
      #expect(min(leaks.tcp, leaks.udp, leaks.icmp) >= 10, "\(path): \(leaks)")
      try lab.resetLeaks()
      #expect(try lab.leaks().total == 0)
    }
  }

  @Test("with an unreachable default behind the tunnel's not one packet leaks", arguments: Fault.allCases)
  func failClosed(_ fault: Fault) throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.followPlanByHand(fallback: .unreachable)
    let report = try traffic(in: lab) { _ in
      try fault.strike(lab)
      lab.letPass(.milliseconds(500))
    }
    #expect(try lab.routeGet("8.8.8.8") == .unreachable)
    #expect(try lab.leaks().total == 0, "\(report)")
    #expect(report.answered < report.sent)
  }

  @Test("an established connection goes on through a tunnel that was away for a moment")
  func stream() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.followPlanByHand(fallback: .unreachable)
    let traffic = try lab.startTraffic([TrafficFlow(.forwarded, .stream), TrafficFlow(.bound, .stream)])
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    try lab.zeroTier(.gateway).tell(.dropFrames(of: nil))
    lab.letPass(.milliseconds(300))
    try lab.zeroTier(.gateway).tell(.passFrames)
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    let report = try traffic.stop()
    #expect(report.longestGap > .milliseconds(250), "\(report)")
    #expect(report.counts.values.allSatisfy { $0.refused == 0 })
  }

  @Test("a spoofed source leaves and is counted, a true one is answered")
  func question() throws {
    let lab = try Lab()
    defer { lab.close() }
    #expect(try lab.ask(from: .cloudA).get() == "203.0.113.50")
    let spoofed = lab.ask(from: .cloudA, source: "10.147.17.77", within: .milliseconds(100))
    #expect((try? spoofed.get()) == nil)
    #expect(try lab.leaks().cloud == 1)
  }

  @Test("an IPv6 packet with a unique local source is counted")
  func ipv6() throws {
    let lab = try Lab()
    defer { lab.close() }
    let traffic = try lab.startTraffic([.boundIPv6], perSecond: 50)
    lab.letPass(.milliseconds(300))
    try traffic.stop()
    #expect(try lab.leaks().ipv6 >= 5)
  }

  @Test("a packet with a ZeroTier address that leaves a cloud server's WAN side is counted")
  func cloud() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.followPlanByHand()
    try lab.namespace(.cloudA).nft("flush", "ruleset")
    _ = lab.fetch(from: .pod, within: .milliseconds(300))
    #expect(try lab.leaks().cloud >= 1)
    #expect(try lab.leaks().tcp == 0)
  }
}
