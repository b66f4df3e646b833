import Glibc
import JSON
import Lab
import Testing

@Suite("S30: a configuration that changes while traffic flows", .serialized)
struct ReconfigurationTests {
  @Test("an exit that moves to an address nobody has is not used before it answers")
  func movedExit() throws {
    let stage = try Stage()
    let moved = try stage.lab.configuration(for: .gateway).replacing(
      "address: 10.147.17.2", with: "address: 10.147.17.99")
    try stage.underTraffic { _ in
      try stage.gateway.program.rewrite(configuration: moved)
      #expect(try stage.gateway.run(["reload"]).status == .exited(0))
      let status = try #require(try stage.gateway.status())
      #expect(status["phase"] == "blocked" && status["exits"]?.array?.first?["active"] == false)
      #expect(try stage.lab.routeGet("8.8.8.8") == .blackhole)
      try stage.gateway.program.rewrite(configuration: try stage.lab.configuration(for: .gateway))
      try stage.gateway.waitFor(phase: "ready", within: .seconds(5))
    }
  }

  @Test("another network starts with nothing known, and opens nothing")
  func otherNetwork() throws {
    let stage = try Stage()
    try stage.lab.zeroTier(.gateway).tell(.otherNetwork(id: "8056c2e21c000001", device: "ztaaaaaaaa"))
    let other = try stage.lab.configuration(for: .gateway)
      .replacing(ZeroTierNode.networkID, with: "8056c2e21c000001")
    try stage.gateway.program.rewrite(configuration: other)
    #expect(try stage.gateway.run(["reload"]).status == .exited(0))
    try stage.gateway.waitFor(phase: "blocked", within: .seconds(2))
    #expect(try stage.lab.routeGet("8.8.8.8") == .blackhole)
  }

  @Test("another table, priority and answer are taken without a gap, and nothing of the old stays")
  func otherTable() throws {
    let stage = try Stage()
    let other = try stage.lab.configuration(for: .gateway).replacing(
      "  egressIP:", with: "  routingTable: 300\n  rulePriority: 200\n  whenDown: unreachable\n  egressIP:")
    try stage.underTraffic { traffic in
      try stage.gateway.program.rewrite(configuration: other)
      #expect(try stage.gateway.run(["reload"]).status == .exited(0))
      try stage.expectInSync()
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
      #expect(traffic.report.longestGap < .milliseconds(500), "\(traffic.report)")
    }
    let gateway = try stage.lab.namespace(.gateway)
    #expect(try !gateway.ip("rule show").contains("lookup 100"))
    #expect(
      try gateway.ip("route show table all proto 147").split(separator: "\n").allSatisfy {
        $0.contains("table 30")
      })
  }
}

@Suite("What a cloud server's status says", .serialized)
struct CloudStatusTests {
  @Test("it stays ready whatever links come and go, and counts drops from its start")
  func links() throws {
    let stage = try Stage()
    let cloud = try stage.lab.namespace(.cloudA)
    let total = try stage.cloud.status()?["reconcile"]?["total"]?.integer ?? 0
    try cloud.ip("link add x0 type veth peer name x1")
    try cloud.ip("link del x0")
    let status = try stage.cloud.waitForStatus("more passes", within: .seconds(3)) {
      ($0["reconcile"]?["total"]?.integer ?? 0) > total + 2
    }
    #expect(status["phase"] == "ready" && status["tunnelUp"] == true, "\(status)")
  }

  @Test(
    "a route through the cloud server's lost tunnel is guarded although its network is wider than the sources"
  )
  func narrowSources() throws {
    let stage = try Stage()
    let narrow = try stage.lab.configuration(for: .cloudA).replacing(
      "[10.147.17.0/24]", with: "[10.147.17.1/32]")
    try stage.cloud.program.rewrite(configuration: narrow)
    #expect(try stage.cloud.run(["reload"]).status == .exited(0))
    try stage.lab.zeroTier(.cloudA).tell(.linkDelete)
    try stage.cloud.waitFor(phase: "blocked", within: .seconds(3))
    try stage.lab.resetLeaks()
    let cloud = try stage.lab.namespace(.cloudA)
    _ = try cloud.execute(["ping", "-c2", "-i0.1", "-W1", "10.147.17.9"]).run()
    #expect(try stage.lab.leaks().cloud == 0)
    try cloud.execute(["nft", "list", "ruleset"]).output()
    // The control: without the agent's table the same packets leave by the WAN.
    #expect(try stage.cloud.terminateAndWait() == .exited(0))
    #expect(try stage.cloud.run(["teardown", "--yes"]).status == .exited(0))
    _ = try cloud.execute(["ping", "-c2", "-i0.1", "-W1", "10.147.17.9"]).run()
    #expect(try stage.lab.leaks().cloud > 0)
  }
}
