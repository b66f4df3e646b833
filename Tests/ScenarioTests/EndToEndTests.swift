import JSON
import Lab
import Testing

/// Settings of the gateway's probe, beside the lab's own.
private let through = "    through: [tcp://1.1.1.1:443, tcp://8.8.8.8:443]"

private func adding(_ lines: String...) -> (String) -> String {
  { $0.replacing("failbackAfter: 2s", with: "failbackAfter: 2s\n" + lines.joined(separator: "\n")) }
}

private func publicAddress(_ expected: String) -> String {
  "    publicAddress: {url: \"http://\(Address.server)/\", expect: [\(expected)]}"
}

@Suite("Exits that are asked end to end", .serialized)
struct EndToEndTests {
  @Test("an exit whose Internet is gone is left, although it answers itself, and is returned to")
  func internetGone() throws {
    let stage = try Stage(clouds: .two, adjusting: adding(through))
    try stage.underTraffic { traffic in
      let watch = try KernelWatch(.gateway, in: stage.lab)
      let start = Moment.now
      try stage.lab.cutWAN(of: .cloudA)
      let change = try watch.waitForTunnelDefault(since: start, within: .seconds(3)) {
        $0.exits == [Node.cloudB.tunnelAddress]
      }
      #expect(change.time - start <= .milliseconds(3 * 200 + 200 + 500))
      let status = try stage.gateway.waitForStatus("the standby", within: .seconds(3)) {
        $0["reasons"]?.array?.first?["code"] == "standby-exit"
      }
      let first = try #require(status["exits"]?.array?.first)
      let checks = first["checks"]?.array ?? []
      #expect(checks.map { $0["check"]?.string } == ["echo", "through"])
      #expect(checks.map { $0["health"]?.string } == ["healthy", "unhealthy"])
      #expect(first["problem"]?.string?.contains("does not answer") == true, "\(first)")
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      try stage.lab.healWAN(of: .cloudA)
      try stage.gateway.waitFor(phase: "ready", within: .seconds(10))
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    try stage.expectInSync()
  }

  @Test("nothing opens through an exit whose Internet never answered")
  func neverAnswered() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.startAgent(on: .cloudA).waitFor(phase: "ready", within: .seconds(10))
    try lab.cutWAN(of: .cloudA)
    let watch = try KernelWatch(.gateway, in: lab)
    let start = Moment.now
    let agent = try lab.startAgent(
      on: .gateway, configuration: adding(through)(try lab.configuration(for: .gateway)))
    let status = try agent.waitForStatus("the exit's failure", within: .seconds(5)) {
      $0["reasons"]?.array?.first?["code"] == "exit-unhealthy"
    }
    #expect(status["phase"] == "blocked")
    #expect(watch.tunnelDefaults(since: start).isEmpty)
    try lab.healWAN(of: .cloudA)
    try agent.waitFor(phase: "ready", within: .seconds(5))
    #expect(try lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
  }

  @Test("an exit that shows the Internet another address than is expected is not used")
  func publicAddresses() throws {
    let stage = try Stage(clouds: .two, adjusting: adding(publicAddress("203.0.113.50, 203.0.113.51")))
    let ready = try stage.gateway.waitForStatus("both addresses", within: .seconds(3)) { status in
      status["exits"]?.array?.map { $0["publicAddress"]?.string }
        == [Node.cloudA.publicAddress, Node.cloudB.publicAddress]
    }
    #expect(ready["phase"] == "ready")
    try stage.gateway.program.rewrite(
      configuration: adding(publicAddress("203.0.113.51"))(try stage.lab.configuration(for: .gateway)))
    #expect(try stage.gateway.run(["reload"]).status == .exited(0))
    let status = try stage.gateway.waitForStatus("the standby", within: .seconds(5)) {
      $0["reasons"]?.array?.first?["code"] == "standby-exit"
    }
    let problem = status["exits"]?.array?.first?["problem"]?.string
    #expect(problem == "the Internet sees 203.0.113.50, not 203.0.113.51", "\(status)")
    #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudB.publicAddress)
  }

  @Test("the ways of the checks lead nowhere else, and go when nothing is checked any more")
  func ways() throws {
    let stage = try Stage(clouds: .two, adjusting: adding(through))
    let gateway = try stage.lab.namespace(.gateway)
    let device = try stage.lab.zeroTier(.gateway).device
    let rules = try gateway.ip("rule show")
    #expect(rules.contains("150:\tfrom 10.147.17.1 fwmark 0x66 iif lo lookup 102"), "\(rules)")
    #expect(rules.contains("151:\tfrom 10.147.17.1 fwmark 0x67 iif lo lookup 103"))
    #expect(rules.contains("152:\tfrom 10.147.17.1 lookup 100"))
    let table = try gateway.ip("route show table 103")
    #expect(table.contains("default via 10.147.17.3 dev \(device)"), "\(table)")
    #expect(table.contains("blackhole default"))
    // A forwarded packet does not get there, marked or not.
    let forwarded = try gateway.ip("route get 8.8.8.8 from 10.147.17.1 iif pod0 mark 0x67")
    #expect(forwarded.contains("via 10.147.17.2"), "\(forwarded)")
    let own = try gateway.ip("route get 8.8.8.8 from 10.147.17.1 mark 0x67")
    #expect(own.contains("via 10.147.17.3"), "\(own)")
    try stage.gateway.program.rewrite(configuration: try stage.lab.configuration(for: .gateway))
    #expect(try stage.gateway.run(["reload"]).status == .exited(0))
    try stage.expectInSync()
    #expect(!(try gateway.ip("rule show")).contains("fwmark"))
    #expect(try gateway.ip("route show table all").contains("table 103") == false)
  }

  @Test("a probe that cannot be sent leaves the exit unknown and says why")
  func unsendable() throws {
    let stage = try Stage(adjusting: adding(through))
    try stage.underTraffic { _ in
      try stage.lab.namespace(.gateway).nft(
        ruleset: """
          table inet stranger {
            chain out {
              type filter hook output priority 0; policy accept;
              oifname "zt*" meta l4proto icmp drop
            }
          }
          """)
      let status = try stage.gateway.waitForStatus("an unknown exit", within: .seconds(5)) {
        $0["phase"] == "blocked" && $0["exits"]?.array?.first?["health"] == "unknown"
      }
      let exit = try #require(status["exits"]?.array?.first)
      #expect(exit["healthy"] == false)
      #expect(exit["problem"]?.string?.contains("EPERM") == true, "\(exit)")
      #expect(status["reasons"]?.array?.first?["message"]?.string?.contains("EPERM") == true, "\(status)")
      try stage.lab.namespace(.gateway).nft("delete", "table", "inet", "stranger")
      try stage.gateway.waitFor(phase: "ready", within: .seconds(5))
    }
  }

  @Test("answers that come too late are told apart from none, and the status says so")
  func late() throws {
    let stage = try Stage()
    try stage.lab.delay(.cloudA, byMilliseconds: 300...350)
    let status = try stage.gateway.waitForStatus("late answers", within: .seconds(5)) { status in
      (status["exits"]?.array?.first?["lateAnswers"]?.integer ?? 0) > 2 && status["phase"] == "blocked"
    }
    let exit = try #require(status["exits"]?.array?.first)
    #expect(exit["problem"]?.string?.contains("later than gateway.probe.timeout") == true, "\(exit)")
    #expect(exit["duplicateAnswers"] == 0)
  }
}
