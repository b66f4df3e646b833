import Glibc
import JSON
import Lab
import Testing

@Suite("S4: two ZeroTier networks", .serialized)
struct TwoNetworksTests {
  @Test("the configured network's interface is used, whatever the order and names")
  func two() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.openCloudByHand(.cloudA)
    try lab.zeroTier(.gateway).tell(.otherNetwork(id: "8056c2e21c000001", device: "ztaaaaaaaa"))
    let agent = try lab.startAgent(on: .gateway)
    let status = try agent.waitFor(phase: "ready", within: .seconds(5))
    #expect(status["zerotier"]?["interface"]?.string == (try lab.zeroTier(.gateway).device))
    #expect(try lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
  }
}

@Suite("S5: the peer is dead while the link is up and ZeroTier says OK", .serialized)
struct DeadPeerTests {
  @Test("blocked within failAfter × interval + timeout + 0.5 s, and back with hysteresis")
  func dead() throws {
    let stage = try Stage()
    try stage.underTraffic { traffic in
      let start = Moment.now
      try stage.lab.zeroTier(.gateway).tell(.dropFrames(of: nil))
      try stage.gateway.waitFor(phase: "blocked", within: .seconds(3))
      #expect(Moment.now - start < .milliseconds(3 * 200 + 200 + 500).patient)
      #expect(try stage.lab.routeGet("8.8.8.8") == .blackhole)
      try stage.lab.zeroTier(.gateway).tell(.passFrames)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      try stage.gateway.waitFor(phase: "ready", within: .seconds(3))
    }
  }

  @Test("with a standby, traffic goes on through it, degraded, and returns to the preferred exit later")
  func standby() throws {
    let stage = try Stage(clouds: .two)
    try stage.underTraffic { traffic in
      try stage.lab.zeroTier(.gateway).tell(.dropFrames(of: .cloudA))
      let status = try stage.gateway.waitForStatus("the standby", within: .seconds(3)) {
        $0["phase"] == "degraded" && $0["reasons"]?.array?.first?["code"] == "standby-exit"
      }
      #expect(status["exits"]?.array?.last?["active"] == true)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudB.publicAddress)
      try stage.lab.zeroTier(.gateway).tell(.passFrames)
      try stage.gateway.waitFor(phase: "ready", within: .seconds(10))
      #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
    }
    try stage.expectInSync()
  }
}

@Suite("S6: ZeroTier makes itself the default", .serialized)
struct ZeroTierDefaultTests {
  @Test("warned of, and nothing leaks")
  func managedDefault() throws {
    let stage = try Stage()
    try stage.underTraffic { _ in
      try stage.lab.zeroTier(.gateway).tell(.managedDefault)
      try stage.gateway.waitForStatus("the warning", within: .seconds(3)) { status in
        status["warnings"]?.array?.contains { $0["code"] == "zerotier-default-route" } ?? false
      }
    }
    try stage.expectInSync()
  }
}

@Suite("S13: a foreign rule ahead of ours", .serialized)
struct ForeignRuleTests {
  @Test("is left alone; the guard drops, and status names it with its remedy")
  func ahead() throws {
    let stage = try Stage()
    try stage.lab.resetLeaks()
    let traffic = try stage.lab.startTraffic(perSecond: 50)
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    try stage.lab.namespace(.gateway).ip("rule add priority 10 lookup main")
    let status = try stage.gateway.waitFor(phase: "degraded", within: .seconds(3))
    let reason = status["reasons"]?.array?.first
    #expect(reason?["code"] == "foreign-rule-ahead")
    #expect(reason?["message"]?.string?.contains("priority 10 from all lookup main") == true)
    // Now the FIB sends it to the uplink; what netfilter sees is dropped there.
    #expect(try stage.lab.routeGet("8.8.8.8") == .interface("uplink0"))
    stage.lab.letPass(.milliseconds(500))
    try traffic.stop()
    #expect(try stage.lab.leaks().total == 0)
    let drops = try stage.gateway.status()?["guardDrops"]?.array?.first { $0["guard"] == "egress" }
    #expect((drops?["packets"]?.integer ?? 0) > 0)
    #expect(try stage.lab.namespace(.gateway).ip("rule show").contains("10:\tfrom all lookup main"))
    try stage.lab.namespace(.gateway).ip("rule del priority 10")
    try stage.gateway.waitFor(phase: "ready", within: .seconds(3))
  }
}

@Suite("The metrics of a running agent", .serialized)
struct MetricsTests {
  @Test("Prometheus' own checker takes the page of a running gateway")
  func metrics() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.openCloudByHand(.cloudA)
    let agent = try lab.startAgent(
      on: .gateway, configuration: try lab.configuration(for: .gateway, metrics: "127.0.0.1:9479"))
    try agent.waitFor(phase: "ready", within: .seconds(5))
    let page = try lab.namespace(.gateway).execute(["curl", "-sf", "http://127.0.0.1:9479/metrics"]).output()
    let check = try Command(["promtool", "check", "metrics"], input: page).run()
    #expect(check.status == .exited(0) && check.stdout.isEmpty, "\(check)")
    #expect(
      page.contains("liteboxd_agent_tunnel_up 1") && page.contains("liteboxd_agent_phase{phase=\"ready\"} 1"))
  }
}
