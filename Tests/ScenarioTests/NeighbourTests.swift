import Glibc
import JSON
import Lab
import Testing

@Suite("S18: what belongs to others stays as it is", .serialized)
struct ForeignStateTests {
  private static let foreign = """
    table ip nat { chain POSTROUTING { type nat hook postrouting priority 100; ip saddr 172.30.0.0/16 masquerade; }; }
    table inet other { set s { type ipv4_addr; elements = { 1.2.3.4 }; }; chain c { counter; }; }
    """

  private func listing(_ node: NetworkNamespace) throws -> String {
    try [
      node.ip("rule show"), node.ip("-6 rule show"), node.ip("-4 route show table all"), node.ip("link show"),
      node.ip("-4 address show"), node.execute(["nft", "-s", "list", "ruleset"]).output(),
      node.execute(["sysctl", "net.ipv4.ip_forward"]).output(),
    ].joined(separator: "\n")
  }

  @Test("byte for byte, after hundreds of passes and a teardown")
  func untouched() throws {
    let lab = try Lab()
    defer { lab.close() }
    for node in [Node.gateway, .cloudA] {
      let namespace = try lab.namespace(node)
      let link = node == .gateway ? "uplink0" : "eth0"
      try namespace.ip("rule add priority 4000 fwmark 0x200/0xf00 lookup 2004")
      try namespace.ip("rule add priority 151 from 172.30.0.9 lookup main")
      try namespace.ip("-6 rule add priority 4000 from fd77::/64 lookup 77")
      try namespace.ip("route add 192.0.2.0/24 dev \(link) table 2004 proto static metric 7")
      try namespace.ip("route add 198.18.0.0/15 dev \(link) metric 50")
      try namespace.nft(ruleset: Self.foreign)
      let before = try listing(namespace)
      let agent = try lab.startAgent(on: node)
      try agent.waitForStatus("a verified pass", within: .seconds(5)) { $0["kernel"]?["inSync"] == true }
      for _ in 0..<200 { agent.signal(SIGHUP) }
      for round in 0..<100 {
        try namespace.execute(["sysctl", "-qw", "net.ipv4.ip_forward=\(round % 2)"]).output()
      }
      try agent.waitForStatus("many passes", within: .seconds(5)) {
        ($0["reconcile"]?["total"]?.integer ?? 0) > 50
      }
      #expect(try agent.terminateAndWait() == .exited(0))
      let torn = try agent.run(["teardown", "--yes"])
      #expect(torn.status == .exited(0), "\(torn.stderr)")
      let after = try listing(namespace)
      #expect(after == before, "\(node): \(difference(after, before))")
    }
  }
}

@Suite("S22: a second agent", .serialized)
struct SecondAgentTests {
  @Test("goes, names the first, and touches nothing")
  func second() throws {
    let stage = try Stage()
    let before = try stage.state()
    for command in [["run"], ["apply"], ["teardown", "--yes"]] {
      let result = try stage.gateway.run(command)
      #expect(result.status == .exited(1), "\(command): \(result)")
      #expect(result.stderr.contains("process \(stage.gateway.pid)"), "\(command): \(result.stderr)")
    }
    let guardResult = try stage.gateway.run(["guard"])
    #expect(guardResult.status == .exited(0) && guardResult.stdout.contains("\(stage.gateway.pid)"))
    #expect(try stage.state() == before)
    #expect(stage.gateway.isRunning)
    try stage.expectInSync()
  }
}

@Suite("S21: stop, kill and start again", .serialized)
struct RestartTests {
  @Test("the kernel's state stays, no flow notices, nothing leaks", arguments: [SIGTERM, SIGKILL])
  func restart(_ number: Int32) throws {
    let stage = try Stage()
    let before = try stage.state()
    try stage.underTraffic { traffic in
      stage.gateway.signal(number)
      _ = try stage.gateway.wait(within: .seconds(5))
      let after = try stage.state()
      #expect(after == before, "\(difference(after, before))")
      stage.lab.letPass(.milliseconds(300))
      let second = try stage.lab.startAgent(on: .gateway)
      try second.waitFor(phase: "ready", within: .seconds(5))
      stage.lab.letPass(.milliseconds(200))
      let report = traffic.report
      #expect(report.longestGap < .milliseconds(400), "\(report)")
    }
    #expect(try stage.state() == before)
  }

  @Test("a cloud server's agent as well")
  func cloud() throws {
    let stage = try Stage()
    let before = try stage.state(of: .cloudA)
    try stage.underTraffic { traffic in
      stage.cloud.kill()
      let second = try stage.lab.startAgent(on: .cloudA)
      try second.waitFor(phase: "ready", within: .seconds(5))
      #expect(traffic.report.longestGap < .milliseconds(400), "\(traffic.report)")
    }
    #expect(try stage.state(of: .cloudA) == before)
  }

  @Test("guard alone blocks everything, and run opens it")
  func guardFirst() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.openCloudByHand(.cloudA)
    let program = try lab.agentProgram(on: .gateway)
    let installed = try program.run(["guard"])
    #expect(installed.status == .exited(0), "\(installed.stderr)")
    let traffic = try lab.startTraffic(perSecond: 50)
    lab.letPass(.milliseconds(500))
    #expect(traffic.report.answered == 0)
    let agent = try lab.startAgent(on: .gateway)
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    try agent.waitFor(phase: "ready", within: .seconds(3))
    try traffic.stop()
    #expect(try lab.leaks().total == 0)
  }
}
