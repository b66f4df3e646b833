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
    #expect(rules.contains("150:\tfrom 10.147.17.1 fwmark 0x6c000000 iif lo lookup 14700"), "\(rules)")
    #expect(rules.contains("151:\tfrom 10.147.17.1 fwmark 0x6c000001 iif lo lookup 14701"))
    #expect(rules.contains("152:\tfrom 10.147.17.1 lookup 100"))
    let table = try gateway.ip("route show table 14701")
    #expect(table.contains("default via 10.147.17.3 dev \(device)"), "\(table)")
    #expect(table.contains("blackhole default"))
    // A forwarded packet does not get there, marked or not.
    let forwarded = try gateway.ip("route get 8.8.8.8 from 10.147.17.1 iif pod0 mark 0x6c000001")
    #expect(forwarded.contains("via 10.147.17.2"), "\(forwarded)")
    let own = try gateway.ip("route get 8.8.8.8 from 10.147.17.1 mark 0x6c000001")
    #expect(own.contains("via 10.147.17.3"), "\(own)")
    try stage.gateway.program.rewrite(configuration: try stage.lab.configuration(for: .gateway))
    #expect(try stage.gateway.run(["reload"]).status == .exited(0))
    try stage.expectInSync()
    #expect(!(try gateway.ip("rule show")).contains("fwmark"))
    #expect(try gateway.ip("route show table all").contains("table 14701") == false)
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

  @Test("a reload while a check is silent ends it, and what was counted goes on")
  func reloads() throws {
    let stage = try Stage(clouds: .two, adjusting: adding(through))
    try stage.lab.delay(.cloudB, byMilliseconds: 250...260)
    let late = { (status: JSONValue?) in status?["exits"]?.array?.last?["lateAnswers"]?.integer ?? 0 }
    try stage.gateway.waitForStatus("late answers", within: .seconds(5)) { late($0) > 2 }
    try stage.lab.cutWAN(of: .cloudA)
    var counted: Int64 = 0
    for turn in 0..<6 {
      let text = adding(through)(try stage.lab.configuration(for: .gateway))
        .replacing("recoverAfter: 2", with: "recoverAfter: \(2 + turn % 2)")
      try stage.gateway.program.rewrite(configuration: "\(text)\n# \(turn)\n")
      #expect(try stage.gateway.run(["reload"]).status == .exited(0))
      stage.lab.letPass(.milliseconds(150))
      let now = late(try stage.gateway.status())
      #expect(now >= counted)
      counted = now
    }
    #expect(stage.gateway.isRunning && counted > 2)
  }

  @Test(
    "the marks are nobody else's: Cilium's own rule for its proxy stands ahead, and every check is answered")
  func marks() throws {
    let stage = try Stage()
    try stage.lab.namespace(.gateway).ip("rule add priority 9 fwmark 0x200/0xf00 lookup 2004")
    try stage.lab.namespace(.gateway).ip("route add default dev lo table 2004")
    try stage.gateway.program.rewrite(
      configuration: adding(through)(try stage.lab.configuration(for: .gateway)))
    #expect(try stage.gateway.run(["reload"]).status == .exited(0))
    let status = try stage.gateway.waitForStatus("the check", within: .seconds(3)) {
      $0["exits"]?.array?.first?["checks"]?.array?.count == 2
        && $0["exits"]?.array?.first?["health"] == "healthy"
    }
    #expect(status["tunnelUp"] == true)
  }

  @Test(
    "one server of many that answers is enough, and a silent address server is no reason to doubt an address")
  func someSilent() throws {
    let many =
      "    through: [" + (1...7).map { "tcp://198.18.0.\($0):443" }.joined(separator: ", ")
      + ", tcp://1.1.1.1:443]"
    let stage = try Stage(adjusting: adding(many, publicAddress("203.0.113.50")))
    try stage.underTraffic { _ in
      try stage.lab.namespace(.internet).nft(
        ruleset: """
          table ip silent {
            chain c { type filter hook prerouting priority -300; ip daddr \(Address.server) tcp dport 80 drop; }
          }
          """)
      // Ten intervals until it is asked again, and more than failAfter rounds after that.
      stage.lab.letPass(.seconds(4))
      let status = try #require(try stage.gateway.status())
      #expect(status["phase"] == "ready", "\(status)")
      let check = status["exits"]?.array?.first?["checks"]?.array?.last
      #expect(check?["problem"]?.string?.contains("does not answer") == true, "\(status)")
      try stage.lab.namespace(.internet).nft("delete", "table", "ip", "silent")
    }
  }

  @Test("apply opens an exit that has to be asked end to end, and plan says what it cannot ask")
  func commands() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.startAgent(on: .cloudA).waitFor(phase: "ready", within: .seconds(10))
    let program = try lab.agentProgram(
      on: .gateway, configuration: adding(through)(try lab.configuration(for: .gateway)))
    let plan = try program.run(["plan"])
    #expect(plan.status == .exited(2) && plan.stderr.contains("not end to end"), "\(plan)")
    #expect(plan.stdout.contains("default via 10.147.17.2"))
    let applied = try program.run(["apply"])
    #expect(applied.status == .exited(0) && applied.stdout.contains("open"), "\(applied)")
    #expect(try lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
  }

  @Test("what the checks go by is put back like everything else, and nothing leaks meanwhile")
  func repaired() throws {
    let stage = try Stage(clouds: .two, adjusting: adding(through))
    let gateway = try stage.lab.namespace(.gateway)
    let device = try stage.lab.zeroTier(.gateway).device
    try stage.underTraffic { traffic in
      for damage in [
        "ip rule del priority 151", "ip rule del priority 150", "ip route flush table 14701",
        "ip route replace blackhole default table 14700",
        "ip route add 8.8.8.0/24 via \(Address.uplinkRouter) table 14700",
        "sysctl -qw net.ipv4.conf.\(device).src_valid_mark=0",
      ] {
        try gateway.execute(damage.split(separator: " ").map(String.init)).output()
        try stage.expectInSync()
      }
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
    let status = try stage.gateway.waitFor(phase: "ready", within: .seconds(5))
    #expect(status["exits"]?.array?.allSatisfy { $0["health"] == "healthy" } == true)
    #expect(status["drift"]?["repairedTotal"]?.integer ?? 0 >= 6)
    #expect(try gateway.ip("rule show").contains("150:\tfrom 10.147.17.1 fwmark 0x6c000000"))
  }
}
