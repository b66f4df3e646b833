import Glibc
import JSON
import Lab
import Testing

@Suite("S10: whole tables are flushed or deleted", .serialized)
struct FlushTests {
  @Test(
    "nothing leaks, and the state converges",
    arguments: [
      "ip route flush table 100", "ip -6 route flush table 100", "ip route flush table 101",
      "nft flush ruleset",
    ],
    Watchfulness.allCases)
  func flushed(_ command: String, _ watchfulness: Watchfulness) throws {
    let stage = try Stage()
    let before = try stage.state()
    try stage.underTraffic { traffic in
      if watchfulness == .frozen { stage.gateway.freeze() }
      try stage.lab.namespace(.gateway).execute(command.split(separator: " ").map(String.init)).output()
      try stage.expectNoWayPast(command)
      try stage.lab.restoreCiliumStandIn()
      if watchfulness == .frozen {
        stage.lab.letPass(.milliseconds(300))
        try stage.expectNoWayPast(command)
        stage.gateway.thaw()
      }
      try stage.waitForState(before)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
    try stage.expectInSync()
  }

  @Test("the nftables table cannot be deleted, or is put back, on either role")
  func deleted() throws {
    let stage = try Stage()
    for node in [Node.gateway, .cloudA] {
      let before = try stage.state(of: node)
      let namespace = try stage.lab.namespace(node)
      let deletion = try namespace.execute(["nft", "delete", "table", "inet", "liteboxd"]).run()
      switch try stage.tableProtection() {
      case .kernel:
        #expect(deletion.status == .exited(1) && deletion.stderr.contains("Operation not permitted"))
        try namespace.nft("flush", "ruleset")
        #expect(try stage.state(of: node) == before)
      case .repairs:
        #expect(deletion.status == .exited(0), "\(deletion)")
        try stage.waitForState(before, of: node)
        for line in ["flush table inet liteboxd", "flush ruleset"] {
          try namespace.nft(line)
          try stage.waitForState(before, of: node)
        }
      }
    }
  }

  @Test(
    "an orphaned table that was removed is made again by the next start, and nothing leaks until then",
    arguments: ["flush ruleset", "delete table inet liteboxd"])
  func orphan(_ line: String) throws {
    let stage = try Stage()
    let before = try stage.state()
    let namespace = try stage.lab.namespace(.gateway)
    try stage.underTraffic { traffic in
      stage.gateway.kill()
      try namespace.nft(line)
      #expect(try !namespace.nft("list", "tables").contains("liteboxd"))
      try stage.lab.restoreCiliumStandIn()
      try stage.expectNoWayPast(line)
      stage.lab.letPass(.milliseconds(300))
      let second = try stage.lab.startAgent(on: .gateway)
      try second.waitFor(phase: "ready", within: .seconds(5))
      try stage.waitForState(before)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
    try stage.expectInSync()
  }
}

@Suite("S11: all rules are flushed", .serialized)
struct RuleFlushTests {
  @Test("the guard holds, ours return at once, and the system's are told of and not invented")
  func flush() throws {
    let stage = try Stage()
    let gateway = try stage.lab.namespace(.gateway)
    let before = try stage.state()
    try stage.underTraffic { traffic in
      let watch = try KernelWatch(.gateway, in: stage.lab)
      let start = Moment.now
      try gateway.ip("rule flush")
      let time = eventually(within: .seconds(3)) { watch.repairTime(since: start, of: .rule) }
      #expect(try #require(time) < .milliseconds(100).patient)
      try watch.stop()
      try stage.expectNoWayPast("ip rule flush")
      let status = try stage.gateway.waitForStatus("the missing rules", within: .seconds(3)) { status in
        (status["warnings"]?.array ?? []).filter { $0["code"] == "system-rule-missing" }.count == 2
      }
      #expect(status["phase"] == "degraded")
      #expect(try !gateway.ip("rule show").contains("32766"))
      try gateway.ip("rule add priority 32766 lookup main")
      try gateway.ip("rule add priority 32767 lookup default")
      try stage.waitForState(before)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
    try stage.gateway.waitFor(phase: "ready", within: .seconds(3))
  }
}
