import JSON
import Lab
import Testing

/// How the main table's default route gets from the cloud server's first WAN to its second.
enum WANMove: String, CaseIterable, Sendable {
  case replaced, linkDown, gap, preferred

  static let way = "via \(SecondWAN.router) dev \(SecondWAN.device)"

  /// What has to be so before.
  func prepare(_ lab: Lab) throws {
    try lab.addSecondWAN()
    guard self == .preferred else { return }
    try lab.namespace(.cloudA).ip(batch: [
      "route add default via \(Address.cloudRouter) metric 200", "route del default metric 0",
    ])
  }

  /// When the second WAN became the way out.
  func strike(_ lab: Lab) throws -> Moment {
    let cloud = try lab.namespace(.cloudA)
    switch self {
    case .replaced: try cloud.ip("route replace default \(Self.way)")
    case .linkDown: try cloud.ip(batch: ["link set eth0 down", "route add default \(Self.way)"])
    case .gap:
      try cloud.ip("route del default")
      lab.letPass(.milliseconds(500))
      try cloud.ip("route add default \(Self.way)")
    case .preferred: try cloud.ip("route add default \(Self.way) metric 100")
    }
    return .now
  }
}

@Suite("S40: a cloud server's default route moves to another link", .serialized)
struct WANMoveTests {
  private static let stream = TrafficFlow(.forwarded, .stream)
  private static let first = Node.cloudA.publicAddress ?? ""

  private func wan(_ status: JSONValue) -> String? { status["wan"]?["interface"]?.string }

  @Test(
    "it is followed at once, flows of the old address begin anew, and nothing leaves by the wrong one",
    arguments: WANMove.allCases)
  func followed(_ move: WANMove) throws {
    let stage = try Stage()
    try move.prepare(stage.lab)
    #expect(try stage.lab.fetch(from: .pod).get() == Self.first)
    try stage.underTraffic(TrafficFlow.all.union([Self.stream])) { traffic in
      let start = try move.strike(stage.lab)
      try stage.cloud.waitForStatus("the second WAN", within: .seconds(3)) { wan($0) == SecondWAN.device }
      // An event does it; the bound is the lab's poll with what it takes to ask for the status.
      #expect(Moment.now - start < .milliseconds(750))
      for _ in 0..<5 { #expect(try stage.lab.fetch(from: .pod).get() == SecondWAN.address) }
      _ = try traffic.waitForAnswers(after: .now, on: TrafficFlow.all, within: .seconds(5))
      // What was sent in the meantime is sent again soon, and then answered with a reset.
      let ended = eventually(within: .seconds(5)) { traffic.report[Self.stream].refused > 0 ? true : nil }
      #expect(ended == true, "\(traffic.report)")
      for kind in [TrafficFlow.Kind.udp, .icmp] {
        #expect(traffic.report[.forwarded, kind].longestGap < .seconds(2), "\(traffic.report)")
      }
    }
    #expect(try stage.lab.strayPackets() == 0)
    try stage.cloud.waitFor(phase: "ready", within: .seconds(3))
    try stage.expectInSync(stage.cloud)
    try stage.expectInSync()
  }

  @Test(
    "a default route that goes and returns by the same link breaks no flow, whoever of its two ends sends")
  func flap() throws {
    let stage = try Stage()
    let (lab, octets) = (stage.lab, 40_000_000)
    try stage.underTraffic(TrafficFlow.all.union([Self.stream])) { traffic in
      let cloud = try lab.namespace(.cloudA)
      let parts = try inParallel(2) { part -> (octets: Int, done: Moment) in
        guard part == 1 else {
          let answer = lab.fetch(from: .pod, path: "/bytes/\(octets)", within: .seconds(30))
          return (try answer.get().utf8.count, .now)
        }
        lab.letPass(.milliseconds(150))
        try cloud.ip("route del default")
        lab.letPass(.milliseconds(500))
        try cloud.ip("route add default via \(Address.cloudRouter)")
        return (octets, .now)
      }
      #expect(parts[0].octets == octets)
      // It was under way.
      #expect(parts[0].done > parts[1].done)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      #expect(traffic.report[Self.stream].refused == 0, "\(traffic.report)")
    }
    #expect(stage.cloud.log.contains("the main table has no default route"), "\(stage.cloud.log)")
    try stage.expectInSync(stage.cloud)
  }

  @Test("a fixed address stays that of its flows, which go on where the Internet finds it by either link")
  func fixed() throws {
    let stage = try Stage()
    try stage.reconfigureCloud("snat: \(Self.first)")
    try stage.lab.addSecondWAN()
    try stage.underTraffic(TrafficFlow.all.union([Self.stream])) { traffic in
      _ = try WANMove.replaced.strike(stage.lab)
      try stage.lab.namespace(.internet).ip("route replace \(Self.first)/32 dev cloud-a-2")
      try stage.cloud.waitForStatus("the second WAN", within: .seconds(3)) { wan($0) == SecondWAN.device }
      for _ in 0..<5 { #expect(try stage.lab.fetch(from: .pod).get() == Self.first) }
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      #expect(traffic.report[Self.stream].refused == 0, "\(traffic.report)")
    }
    // So is it wanted here; elsewhere the count has to stay at nothing.
    #expect(try stage.lab.strayPackets() > 0)
    try stage.expectInSync(stage.cloud)
  }

  @Test("flows of a fixed address that is not configured any more begin anew")
  func otherFixed() throws {
    let stage = try Stage()
    let (cloud, next) = (try stage.lab.namespace(.cloudA), "203.0.113.61")
    try stage.reconfigureCloud("snat: \(Self.first)")
    try stage.lab.namespace(.internet).ip("route add \(next)/32 dev cloud-a")
    try stage.underTraffic(TrafficFlow.all.union([Self.stream])) { traffic in
      try cloud.ip(batch: [
        "addr del \(Self.first)/26 dev eth0", "addr add \(next)/26 dev eth0",
        "route add default via \(Address.cloudRouter)",
      ])
      try stage.reconfigureCloud("snat: \(next)")
      #expect(try stage.lab.fetch(from: .pod).get() == next)
      _ = try traffic.waitForAnswers(after: .now, on: TrafficFlow.all, within: .seconds(5))
      let ended = eventually(within: .seconds(5)) { traffic.report[Self.stream].refused > 0 ? true : nil }
      #expect(ended == true, "\(traffic.report)")
      #expect(traffic.report[.forwarded, .udp].seenAddresses == [Self.first, next], "\(traffic.report)")
    }
    #expect(stage.cloud.log.contains("flows of an address that is not in use any more begin anew"))
  }

  @Test("a named WAN is kept: nothing leaves by the other link, until that is named")
  func named() throws {
    let stage = try Stage()
    try stage.reconfigureCloud("wanInterface: eth0")
    try stage.lab.addSecondWAN()
    try stage.underTraffic(TrafficFlow.all.union([Self.stream])) { traffic in
      _ = try WANMove.replaced.strike(stage.lab)
      let status = try stage.cloud.waitForStatus("the warning", within: .seconds(3)) { status in
        status["warnings"]?.array?.contains { $0["code"] == "wan-no-route" } == true
      }
      #expect(wan(status) == "eth0")
      #expect(throws: LabError.self) { try stage.lab.fetch(from: .pod, within: .milliseconds(700)).get() }
      try stage.reconfigureCloud("wanInterface: \(SecondWAN.device)")
      #expect(try stage.lab.fetch(from: .pod).get() == SecondWAN.address)
      _ = try traffic.waitForAnswers(after: .now, on: TrafficFlow.all, within: .seconds(5))
      let ended = eventually(within: .seconds(8)) { traffic.report[Self.stream].refused > 0 ? true : nil }
      #expect(ended == true, "\(traffic.report)")
    }
    #expect(try stage.lab.strayPackets() == 0)
    try stage.expectInSync(stage.cloud)
  }

  /// What the server itself sends from its ZeroTier address passes no forwarding.
  private func sendOwnPackets(_ lab: Lab) {
    for _ in 0..<5 {
      let answer = lab.ask(
        from: .cloudA, source: Node.cloudA.tunnelAddress, host: Address.otherServers[0],
        within: .milliseconds(50))
      #expect(throws: LabError.self) { try answer.get() }
    }
  }

  @Test("with the agent frozen nothing untranslated leaves by either link, forwarded or the server's own")
  func frozen() throws {
    let stage = try Stage()
    try stage.lab.addSecondWAN()
    try stage.underTraffic { traffic in
      stage.cloud.freeze()
      _ = try WANMove.replaced.strike(stage.lab)
      stage.lab.letPass(.milliseconds(300))
      sendOwnPackets(stage.lab)
      stage.cloud.thaw()
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    #expect(try stage.lab.strayPackets() == 0)
    try stage.expectInSync(stage.cloud)
  }

  @Test("without an agent the same packets leave by the second link, and are counted")
  func control() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.addSecondWAN()
    try lab.namespace(.cloudA).setSysctls(["net.ipv4.ip_forward": "1"])
    try lab.startAgent(on: .gateway).waitFor(phase: "ready", within: .seconds(10))
    _ = try WANMove.replaced.strike(lab)
    try lab.resetLeaks()
    sendOwnPackets(lab)
    #expect(try lab.leaks().cloud >= 5)
    try lab.resetLeaks()
    let traffic = try lab.startTraffic(perSecond: 50)
    let leaked = eventually(within: .seconds(5)) { ((try? lab.leaks().cloud) ?? 0) > 20 ? true : nil }
    try traffic.stop()
    #expect(leaked == true)
  }
}
