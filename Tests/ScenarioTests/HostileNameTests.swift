import Foundation
import Glibc
import JSON
import Lab
import Testing

@Suite("S34: what others name does harm nowhere", .serialized)
struct HostileNameTests {
  private func stage(_ format: String) throws -> Stage {
    try Stage { configuration in
      configuration.replacing("format: text", with: "format: \(format)")
        .replacing("listen: \"off\"", with: "listen: \"127.0.0.1:9479\"")
    }
  }

  /// Nothing but findings' codes has come to the metrics.
  private func expectSeries(_ after: Set<String>, _ before: Set<String>, _ cause: String) {
    let known = /liteboxd_agent_(warnings\{code|zerotier_api_errors_total\{kind)="[a-z-]+"\}/
    let new = after.subtracting(before).filter { $0.wholeMatch(of: known) == nil }
    #expect(new.isEmpty, "\(cause): \(new)")
    let gone = before.subtracting(after).filter { $0.wholeMatch(of: known) == nil }
    #expect(gone.isEmpty, "\(cause): \(gone)")
  }

  @Test("ZeroTier's texts", arguments: ["text", "json"])
  func zerotier(_ format: String) throws {
    let stage = try stage(format)
    let told = Utterances(agent: stage.gateway, lab: stage.lab)
    let series = try told.series("before")
    let zerotier = try stage.lab.zeroTier(.gateway)
    let hostile = HostileText.escaped(1024)
    func say(_ text: String, _ octets: [UInt8]) throws {
      try zerotier.tell(.substitute(text, with: octets))
    }
    func expect(_ cause: String, _ test: (JSONValue) -> Bool) throws {
      try stage.gateway.waitForStatus(cause, within: .seconds(3), test)
      try told.expectClean(cause)
      try expectSeries(told.series(cause), series, cause)
    }
    try stage.underTraffic { traffic in
      // A name and versions decide nothing.
      try say("liteboxd-lab", hostile)
      try say("1.14.1", hostile)
      stage.lab.letPass(.seconds(1))
      try expect("a name of 1 KB of control characters") { $0["phase"] == "ready" }
      try say("\"status\":\"OK\"", Array("\"status\":\"".utf8) + hostile + [0x22])
      try expect("a status") { $0["phase"] == "blocked" }
      try say("\"status\":\"OK\"", Array("\"status\":\"OK\"".utf8))
      try expect("an ordinary status again") { $0["phase"] == "ready" }
      for (cause, octets) in [
        ("raw controls", Array("\u{1b}[31m\n\"".utf8)), ("no UTF-8", [0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80]),
      ] {
        try say("liteboxd-lab", octets)
        try expect(cause) { status in
          status["phase"] == "degraded" && status["zerotier"]?["apiReachable"] == false
        }
        try say("liteboxd-lab", Array("liteboxd-lab".utf8))
        try expect("after \(cause)") { $0["phase"] == "ready" }
      }
      try say(
        "\"portDeviceName\":\"\(ZeroTierNode.firstDevice)\"", Array(#""portDeviceName":"zt;reboot""#.utf8))
      try expect("a device's name") { $0["phase"] == "degraded" }
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
    try stage.expectLeaksUnprotected()
  }

  @Test("interfaces, chains, comments and processes", arguments: ["text", "json"])
  func kernel(_ format: String) throws {
    let stage = try stage(format)
    let told = Utterances(agent: stage.gateway, lab: stage.lab)
    let series = try told.series("before")
    let before = try stage.state()
    try stage.underTraffic { traffic in
      try interfaces(stage, told)
      try stage.waitForState(before)
      try ruleset(stage, told)
      try opponent(stage, told)
      try stage.waitForState(before, within: .seconds(5))
      try expectSeries(told.series("all names"), series, "all names")
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
    try stage.expectLeaksUnprotected()
  }

  /// Routes through such links in the agent's table, seen by a plan before the agent may remove them.
  private func interfaces(_ stage: Stage, _ told: Utterances) throws {
    let gateway = try stage.lab.namespace(.gateway)
    stage.gateway.freeze()
    for (number, name) in HostileText.links.enumerated() {
      for command in [
        ["link", "add", name, "type", "veth", "peer", "name", "far\(number)"], ["link", "set", name, "up"],
        ["link", "set", "far\(number)", "up"],
        ["route", "add", "192.0.2.\(number)/32", "dev", name, "table", "100"],
        ["rule", "add", "iif", name, "lookup", "99", "priority", "\(10 + number)", "protocol", "147"],
      ] { try gateway.execute(["ip"] + command).output() }
    }
    // Without the daemon, which cannot be asked: it would change much, and these routes and rules first of all.
    let plan = try stage.gateway.run(["plan"])
    #expect(HostileText.harm(in: plan.stdout + plan.stderr).isEmpty, "\(plan)")
    let words = [
      "dev 'zt;reboot' ", #"dev $'$(reboot)"\'&' "#, #"dev $'\x1b[31m\x07`x`\\' "#,
      #"dev $'a"}1#{{x}}\xc2\x9b2J' "#,
    ]
    for word in words { #expect(plan.stdout.contains(word), "\(word) in \(plan.stdout)") }
    #expect(plan.stdout.contains("iif 'zt;reboot' "), "\(plan.stdout)")
    stage.gateway.thaw()
    try stage.gateway.waitFor(phase: "ready", within: .seconds(5))
    try told.expectClean("interfaces")
    #expect(stage.gateway.log.contains("zt;reboot"))
  }

  /// nft(8) itself takes such names in JSON alone.
  private func ruleset(_ stage: Stage, _ told: Utterances) throws {
    let place: JSONValue = ["family": "inet", "table": .string(HostileText.name)]
    func adding(_ key: String, _ members: [JSONValue.Member]) -> JSONValue {
      ["add": .object([.init(key, .object((place.members ?? []) + members))])]
    }
    let objects: [JSONValue] = [
      ["add": ["table": ["family": "inet", "name": .string(HostileText.name)]]],
      adding(
        "chain",
        [
          .init("name", .string(HostileText.name)), .init("type", "filter"), .init("hook", "forward"),
          .init("prio", 300), .init("policy", "drop"),
        ]),
      // The chain has to let the test's traffic pass, on a condition that every packet meets, and name no link.
      adding(
        "rule",
        [
          .init("chain", .string(HostileText.name)), .init("comment", .string(HostileText.name)),
          .init(
            "expr",
            [
              ["match": ["op": ">=", "left": ["meta": ["key": "length"]], "right": 1]], ["accept": .null],
            ]),
        ]),
    ]
    let file = "\(stage.lab.directory)/ruleset.json"
    try Command(["tee", file], input: JSONValue.object([.init("nftables", .array(objects))]).text).output()
    try stage.lab.namespace(.gateway).nft("-j", "-f", file)
    let status = try stage.gateway.waitForStatus("the chain", within: .seconds(8)) { status in
      status["warnings"]?.array?.contains { $0["code"] == "foreign-forward-drop" } ?? false
    }
    let messages = status["warnings"]?.array?.compactMap { $0["message"]?.string } ?? []
    #expect(messages.contains { $0.contains(HostileText.name) }, "\(messages)")
    try told.expectClean("a chain")
  }

  /// A program of that name that undoes each repair.
  private func opponent(_ stage: Stage, _ told: Utterances) throws {
    let path = "\(stage.lab.directory)/\(HostileText.process)"
    try Command(["sh", "-c", "cp $(command -v ip) \"$1\"", "sh", path]).output()
    let lines = "for i in $(seq 300); do echo route del default table 100; sleep 0.01; done"
    let fight = try stage.lab.namespace(.gateway).execute([
      "bash", "-c", "\(lines) | (exec -a ip \"$1\" -force -batch - 2>/dev/null)", "bash", path,
    ])
    let statuses = try inParallel(2) { [agent = stage.gateway] number -> JSONValue? in
      if number == 0 {
        _ = try fight.run()
        return nil as JSONValue?
      }
      return try agent.waitForStatus("the opponent", within: .seconds(8)) { status in
        status["reasons"]?.array?.contains {
          $0["code"] == "fight" && $0["message"]?.string?.contains("2J\"") == true
        } ?? false
      }
    }
    #expect(statuses.contains { $0 != nil })
    try told.expectClean("an opponent")
  }

  @Test("the interface that a cloud server's traffic leaves by")
  func wan() throws {
    let stage = try Stage()
    let cloud = try stage.lab.namespace(.cloudA)
    let name = "\u{1b}[1m\";x`"
    let metrics = try stage.lab.configuration(for: .cloudA, metrics: "127.0.0.1:9479")
    try stage.cloud.program.rewrite(configuration: metrics)
    #expect(try stage.cloud.run(["reload"]).status == .exited(0))
    let told = Utterances(agent: stage.cloud, lab: stage.lab)
    let series = try told.series("before")
    for command in [
      ["link", "set", "eth0", "down"], ["link", "set", "eth0", "name", name], ["link", "set", name, "up"],
      ["route", "replace", "default", "via", Address.cloudRouter],
    ] { try cloud.execute(["ip"] + command).output() }
    try stage.cloud.waitForStatus("the WAN", within: .seconds(8)) { status in
      status["phase"] == "ready" && status["wan"]?["interface"]?.string == name
    }
    try told.expectClean("a WAN interface")
    try expectSeries(told.series("a WAN interface"), series, "a WAN interface")
    try stage.expectInSync(stage.cloud)
    #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
  }

  @Test(
    "what a configuration names is refused by place and in print",
    arguments: [
      "zt;reboot", "$(reboot)", "a b", "", "auto", #"\e[31m"#, #"a\nb"#, #"a\"} 1"#, #"\u202eabc"#, "é", "-",
      "../x",
    ])
  func configuration(_ name: String) throws {
    let lab = try Lab()
    defer { lab.close() }
    let text = try lab.configuration(for: .gateway).replacing("name: cloud-a", with: "name: \"\(name)\"")
    let result = try lab.agentProgram(on: .gateway, configuration: text).run(["check"])
    #expect(HostileText.harm(in: result.stdout + result.stderr).isEmpty, "\(result)")
    if name == "-" {
      #expect(result.status == .exited(0), "\(result)")
    } else {
      #expect(result.status == .exited(78), "\(result)")
      #expect(result.stderr.contains("gateway.exits[0].name: "), "\(result.stderr)")
      #expect(result.stderr.split(separator: "\n").count == 1, "\(result.stderr)")
    }
  }

  @Test("arguments are complained of in print")
  func arguments() throws {
    let lab = try Lab()
    defer { lab.close() }
    let program = try lab.agentProgram(on: .gateway)
    for words in [
      [HostileText.name], ["status", HostileText.name], ["status", "--socket", "/tmp/\(HostileText.name)"],
      ["plan", HostileText.name], ["exit", "use", HostileText.name],
    ] {
      let result = try program.run(words)
      #expect(result.status != .exited(0))
      let lines = (result.stdout + result.stderr).split(separator: "\n")
      #expect(HostileText.harm(in: result.stdout + result.stderr).isEmpty, "\(words): \(result)")
      #expect(lines.count == 1 && lines[0].hasPrefix("liteboxd-agent: "), "\(words): \(result)")
    }
  }
}
