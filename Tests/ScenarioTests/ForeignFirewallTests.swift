import JSON
import Lab
import Testing

@Suite("S17: a firewall of somebody else's drops what is forwarded", .serialized)
struct ForeignFirewallTests {
  private func shell(_ stage: ManagedStage, _ line: String) throws {
    try stage.machine.execute(["sh", "-euc", line]).output()
  }

  private func drop(in findings: JSONValue?) -> JSONValue? {
    findings?.array?.first { $0["code"] == "foreign-forward-drop" }
  }

  /// What it has is the same whether the agent runs or not.
  private func expectItsOwn(_ firewall: Firewall, on stage: ManagedStage) throws {
    let with = try stage.foreignRuleset()
    try stage.machine.run("systemctl stop liteboxd-agent.service")
    if let last = firewall.reloads.last { try shell(stage, last) }
    let without = try stage.foreignRuleset()
    #expect(!with.isEmpty && with == without, "\(difference(with, without))")
    try stage.machine.run("systemctl start liteboxd-agent.service")
    try stage.agent.waitFor(phase: "ready", within: .seconds(10))
  }

  @Test(
    "a cloud server names the chain and leaves it alone; once it lets the tunnel pass, all is well through every reload",
    arguments: Firewall.allCases)
  func cloud(_ firewall: Firewall) throws {
    let stage = try ManagedStage(.cloudA, files: [firewall.file])
    let before = try stage.state(of: .cloudA)
    #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
    try shell(stage, firewall.start)
    let status = try stage.agent.waitForStatus("the chain", within: .seconds(10)) {
      $0["phase"] == "degraded" && drop(in: $0["reasons"]) != nil
    }
    let finding = try #require(drop(in: status["reasons"]))
    #expect(finding["message"]?.string?.hasPrefix(firewall.chain) == true, "\(finding)")
    #expect(finding["remedy"]?.string?.contains(stage.tunnel) == true)
    // It is no false alarm.
    #expect(throws: LabError.self) { try stage.lab.fetch(from: .pod, within: .seconds(1)).get() }
    try shell(stage, firewall.permission(for: [stage.tunnel]))
    try stage.agent.waitFor(phase: "ready", within: .seconds(10))
    try stage.underTraffic(TrafficFlow.all, from: .blocked) { traffic in
      for reload in firewall.reloads {
        try shell(stage, reload)
        _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      }
    }
    try expectItsOwn(firewall, on: stage)
    try shell(stage, firewall.stop)
    #expect(try stage.state(of: .cloudA) == before)
    #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
    try stage.expectInSync(stage.agent, within: .seconds(3))
  }

  @Test(
    "a gateway warns of it, since what Cilium redirects does not meet it, and leaks nothing while it reloads",
    arguments: Firewall.allCases)
  func gateway(_ firewall: Firewall) throws {
    let stage = try ManagedStage(.gateway, files: [firewall.file])
    let before = try stage.state()
    try stage.underTraffic { traffic in
      try shell(stage, firewall.start)
      let status = try stage.agent.waitForStatus("the warning", within: .seconds(10)) {
        drop(in: $0["warnings"]) != nil
      }
      #expect(drop(in: status["warnings"])?["message"]?.string?.hasPrefix(firewall.chain) == true)
      #expect(status["phase"] == "ready" && drop(in: status["reasons"]) == nil)
      // The lab's sandbox is forwarded by the kernel, unlike Cilium's.
      try shell(stage, firewall.permission(for: [stage.tunnel, "pod0"]))
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      for reload in firewall.reloads {
        try shell(stage, reload)
        _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      }
      try expectItsOwn(firewall, on: stage)
      try shell(stage, firewall.stop)
      try stage.lab.restoreCiliumStandIn()
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    #expect(try stage.state() == before)
    try stage.expectInSync(stage.agent, within: .seconds(3))
    try stage.expectLeaksWithoutAgent()
  }

  @Test("firewalld's panic lets nothing through, and the tunnel is open again behind it")
  func panic() throws {
    let stage = try ManagedStage(.gateway)
    let before = try stage.state()
    try stage.underTraffic { traffic in
      try shell(stage, Firewall.firewalld.start)
      try shell(stage, Firewall.firewalld.permission(for: [stage.tunnel, "pod0"]))
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      try shell(stage, "firewall-cmd --panic-on")
      try stage.agent.waitForStatus("the closed tunnel", within: .seconds(10)) {
        $0["tunnelUp"]?.bool == false
      }
      try stage.expectNoWayPast("panic")
      try shell(stage, "firewall-cmd --panic-off")
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(10))
    }
    try stage.waitForState(before)
    try stage.expectInSync(stage.agent, within: .seconds(3))
  }
}
