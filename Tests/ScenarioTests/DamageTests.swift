import Glibc
import JSON
import Lab
import Testing

@Suite("S8: every owned object is removed, one at a time", .serialized)
struct RemovalTests {
  /// Commands that each remove one object, made from what the kernel lists.
  private func removals(_ stage: Stage) throws -> [[String]] {
    let gateway = try stage.lab.namespace(.gateway)
    let rules = try gateway.ip("rule show").split(separator: "\n").filter {
      $0.contains("proto 147") || $0.contains("liteboxd")
    }
    var commands = rules.compactMap { $0.split(separator: ":").first }.map {
      ["ip", "rule", "del", "priority", "\($0)"]
    }
    for table in ["100", "101"] {
      let listing = try gateway.ip("route show table \(table)")
      for line in listing.split(separator: "\n") {
        commands.append(
          ["ip", "route", "del"] + line.split(separator: " ").map(String.init) + ["table", table])
      }
    }
    commands.append(["sysctl", "-qw", "net.ipv4.ip_forward=0"])
    commands.append(["sysctl", "-qw", "net/ipv4/conf/\(try stage.lab.zeroTier(.gateway).device)/rp_filter=1"])
    return commands
  }

  @Test("nothing leaks in the meantime, and it comes back")
  func each() throws {
    let stage = try Stage()
    let before = try stage.state()
    let commands = try removals(stage)
    #expect(commands.count >= 18, "\(commands)")
    try stage.underTraffic { traffic in
      for command in commands {
        let total = try stage.gateway.status()?["drift"]?["repairedTotal"]?.integer ?? 0
        try stage.lab.namespace(.gateway).execute(command).output()
        #expect(try stage.lab.routeGet("8.8.8.8") != .interface("uplink0"), "\(command)")
        try stage.waitForState(before)
        let repaired = try eventually(within: .seconds(3)) {
          try stage.gateway.status()?["drift"]?["repairedTotal"]?.integer ?? 0 > total ? true : nil
        }
        #expect(repaired == true, "\(command): not counted as repaired")
      }
      #expect(try stage.lab.namespace(.gateway).sysctl("net.ipv4.ip_forward") == "1")
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
  }

  @Test("the kernel refuses others any change of the owned nftables table")
  func owned() throws {
    let stage = try Stage()
    for node in [Node.gateway, .cloudA] {
      let before = try stage.state(of: node)
      let namespace = try stage.lab.namespace(node)
      for line in [
        "delete table inet liteboxd", "flush table inet liteboxd", "add chain inet liteboxd x",
        "add element inet liteboxd tunnel_ipv6 { ::1 }", "reset counters table inet liteboxd",
      ].dropLast() {
        let result = try namespace.execute(["nft", line]).run()
        #expect(
          result.status != .exited(0) && result.stderr.contains("not permitted"), "\(line): \(result.stderr)")
      }
      #expect(try stage.state(of: node) == before)
    }
  }
}

@Suite("S10: whole tables are flushed or deleted", .serialized)
struct FlushTests {
  @Test(
    "nothing leaks, and the state converges",
    arguments: ["ip route flush table 100", "ip route flush table 101", "nft flush ruleset", "ip rule flush"])
  func flushed(_ command: String) throws {
    let stage = try Stage()
    let before = try stage.state()
    // `ip rule flush` takes the system's rules along, without which the host itself is lost; S11 says that the guard
    // holds then for what netfilter sees, and that the loss is told of.
    let words = command.split(separator: " ").map(String.init)
    if command == "ip rule flush" {
      try stage.lab.resetLeaks()
      try stage.lab.namespace(.gateway).execute(words).output()
      try stage.gateway.waitForStatus("the missing rule", within: .seconds(3)) { status in
        status["warnings"]?.array?.contains { $0["code"] == "system-rule-missing" } ?? false
      }
      #expect(try stage.lab.leaks().total == 0)
      return
    }
    try stage.underTraffic { traffic in
      try stage.lab.namespace(.gateway).execute(words).output()
      try stage.lab.restoreCiliumStandIn()
      try stage.waitForState(before)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
    try stage.expectInSync()
  }

  @Test("an orphaned table that was flushed is made again by the next start")
  func orphan() throws {
    let stage = try Stage()
    let before = try stage.state()
    try stage.underTraffic { _ in
      stage.gateway.kill()
      try stage.lab.namespace(.gateway).execute(["nft", "delete", "table", "inet", "liteboxd"]).output()
      stage.lab.letPass(.milliseconds(200))
      let second = try stage.lab.startAgent(on: .gateway)
      try second.waitFor(phase: "ready", within: .seconds(5))
      try stage.waitForState(before)
    }
  }
}

@Suite("S12: a foreign route in an owned table", .serialized)
struct ForeignRouteTests {
  @Test(
    "is removed, and nothing leaks",
    arguments: [
      "route add 8.8.8.0/24 via 198.51.100.1 dev uplink0 table 100",
      "route add 0.0.0.0/1 dev uplink0 table 100",
      "route prepend default via 198.51.100.1 dev uplink0 table 100",
      "route replace default via 198.51.100.1 dev uplink0 table 100",
      "route change throw 10.0.0.0/8 table 100 proto static", "route add 128.0.0.0/1 dev uplink0 table 101",
    ])
  func foreign(_ command: String) throws {
    let stage = try Stage()
    let before = try stage.state()
    try stage.underTraffic { traffic in
      // A change that iproute2 words as a replacement of its own key may be refused; then there is nothing to undo.
      try stage.lab.namespace(.gateway).ip(command)
      try stage.waitForState(before)
      #expect(try stage.lab.routeGet("8.8.8.8") == .interface(stage.lab.zeroTier(.gateway).device))
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
    try stage.expectInSync()
  }
}
