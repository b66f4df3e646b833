import Foundation
import JSON
import Lab
import Testing

/// What a page says of the lab, in its first lines: without what changes from run to run, and without what this machine
/// itself is like, whose clock and boot are not the lab's.
struct FirstLines {
  let text: String

  init(of page: String, in lab: Lab) {
    var lines = page.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    for id in ["clock", "guard-at-boot"] { Self.remove(id, from: &lines) }
    var text = lines.filter { !$0.isEmpty }.prefix(5).joined(separator: "\n") + "\n"
    text = text.replacing(lab.directory, with: "LAB")
    text = text.replacing(/for [0-9hms ]+([:,])/) { "for 0s\($0.output.1)" }
    text = text.replacing(/port(\s+)[0-9]+/) { "port\($0.output.1)4711" }
    text = text.replacing(/index [0-9]+/, with: "index 7")
    text = text.replacing(/[0-9.]+ (ms|µs)\b/, with: "0.5 ms")
    self.text = text
  }

  /// With its part of the headline's count.
  private static func remove(_ id: String, from lines: inout [String]) {
    guard let start = lines.firstIndex(where: { $0.hasPrefix("  ! \(id):") }) else { return }
    let end = lines[(start + 1)...].firstIndex { !$0.hasPrefix("    ") } ?? lines.endIndex
    lines.removeSubrange(start..<end)
    guard let count = lines[0].firstMatch(of: /([0-9]+) to see to/), let number = Int(count.1) else { return }
    let isLast = number == 1
    lines[0].replaceSubrange(count.range, with: isLast ? "" : "\(number - 1) to see to")
    guard isLast else { return }
    let rest = lines[0].trimmingCharacters(in: CharacterSet(charactersIn: ", "))
    lines[0] = rest.hasSuffix(":") ? rest + " all passed" : rest
  }

  /// Words may stand in two lines.
  func has(_ words: String) -> Bool {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ").contains(words)
  }
}

/// `doctor --json`.
struct DoctorAnswer {
  let document: JSONValue
  private let result: Command.Result

  init(_ result: Command.Result) throws {
    document = try JSONValue(parsing: result.stdout.utf8)
    self.result = result
    #expect(result.stderr.isEmpty, "\(result.stderr)")
  }

  func ended(_ status: Int32) -> Bool { result.status == .exited(status) }

  subscript(id: String) -> (outcome: String, evidence: String, remedy: String)? {
    document["checks"]?.array?.first { $0["id"]?.string == id }.map {
      ($0["outcome"]?.string ?? "", $0["evidence"]?.string ?? "", $0["remedy"]?.string ?? "")
    }
  }

  /// But for what this machine itself is like.
  func ids(_ outcome: String) -> Set<String> {
    let found = document["checks"]?.array?.filter { $0["outcome"]?.string == outcome } ?? []
    return Set(found.compactMap { $0["id"]?.string }).subtracting(["clock", "guard-at-boot"])
  }
}

extension RunningAgent {
  func doctor() throws -> DoctorAnswer { try DoctorAnswer(run(["doctor", "--json"])) }
}

@Suite("Ten broken hosts, at three in the morning", .serialized)
struct BrokenHostTests {
  @Test(
    "status and doctor name the cause and the remedy in their first five lines",
    arguments: BrokenHost.allCases)
  func firstLines(_ host: BrokenHost) throws {
    let stage = try Stage()
    let agent = try host.make(of: stage)
    let status = FirstLines(of: try agent.run(["status"]).stdout, in: stage.lab)
    let result = try agent.run(["doctor"])
    let doctor = FirstLines(of: result.stdout, in: stage.lab)
    for (page, words) in [(status, host.words.status), (doctor, host.words.doctor)] {
      for words in words { #expect(page.has(words), "\(words) in\n\(page.text)") }
    }
    #expect(result.status == .exited(host == .relayed ? 0 : 1), "\(result.stdout)")
    try expectGolden(
      "$ liteboxd-agent status\n\(status.text)$ liteboxd-agent doctor\n\(doctor.text)", "\(host.rawValue).txt"
    )
  }
}

@Suite("doctor", .serialized)
struct DoctorScenarios {
  /// Not configured in the lab, or not there.
  private let notThere: Set<String> = [
    "internet", "public-address", "cilium-devices", "networkd", "network-manager",
  ]

  /// All of the host's state. Counters count what passes, the one datagram and the daemon's own probes among it.
  private func listing(of namespace: NetworkNamespace) throws -> String {
    try namespace.hostListing().replacing(/packets [0-9]+ bytes [0-9]+/, with: "packets 0 bytes 0")
  }

  @Test("finds nothing on a host on which all is well, in either role, and changes nothing")
  func healthy() throws {
    let stage = try Stage()
    for agent in [stage.gateway, stage.cloud] {
      let namespace = try stage.lab.namespace(agent.node)
      let before = try listing(of: namespace)
      let answer = try agent.doctor()
      let after = try listing(of: namespace)
      #expect(after == before, "\(difference(after, before))")
      #expect(answer.ended(0), "\(answer.document.text)")
      #expect(answer.ids("failed").isEmpty && answer.ids("warned").isEmpty, "\(answer.document.text)")
      #expect(answer.ids("skipped").isSubset(of: notThere), "\(answer.ids("skipped"))")
      #expect(answer.ids("passed").count >= 20)
      #expect(answer.document["leak"] == "none" && answer.document["traffic"] == "flows")
    }
    try stage.expectInSync()
  }

  @Test("makes the same checks without a daemon, which is all that it misses")
  func withoutDaemon() throws {
    let stage = try Stage()
    for agent in [stage.gateway, stage.cloud] {
      agent.kill()
      let namespace = try stage.lab.namespace(agent.node)
      let before = try listing(of: namespace)
      let answer = try agent.doctor()
      #expect(try listing(of: namespace) == before)
      #expect(answer.ended(1) && answer.ids("failed") == ["daemon"], "\(answer.document.text)")
      #expect(answer.document["leak"] == "none" && answer.document["traffic"] == "flows")
      #expect(answer["daemon"]?.remedy.hasPrefix("systemctl start liteboxd-agent") == true)
      #expect(answer.ids("skipped").isSubset(of: notThere.union(["phase"])), "\(answer.ids("skipped"))")
    }
  }

  @Test("sees a leak by lookup and by a packet where the agent's state is gone, and none where it is there")
  func leaks() throws {
    let stage = try Stage()
    stage.gateway.kill()
    let guarded = try stage.gateway.doctor()
    #expect(guarded["leak-lookup"]?.outcome == "passed" && guarded["leak-packet"]?.outcome == "passed")
    #expect(try stage.gateway.run(["teardown", "--yes"]).status == .exited(0))
    let open = try stage.gateway.doctor()
    #expect(open.ended(1) && open.document["leak"] == "leaking", "\(open.document.text)")
    for id in ["leak-lookup", "leak-packet"] {
      let check = try #require(open[id])
      #expect(check.outcome == "failed" && check.evidence.contains("LEAK"), "\(check)")
      #expect(check.evidence.contains("uplink0") && check.remedy.hasPrefix("liteboxd-agent guard closes it"))
    }
    #expect(try stage.gateway.run(["doctor"]).stdout.hasPrefix("✗ LEAK past the tunnel;"))
    #expect(try stage.gateway.run(["guard"]).status == .exited(0))
    #expect(try stage.gateway.doctor().document["leak"] == "none")
  }

  @Test("sees a leak on a cloud server that does not translate, and none on one that does")
  func cloudLeak() throws {
    let stage = try Stage()
    #expect(
      try stage.cloud.doctor()["leak-packet"]?.evidence.contains("left by eth0 as 203.0.113.50") == true)
    stage.cloud.kill()
    try stage.lab.namespace(.cloudA).nft("delete", "table", "inet", "liteboxd")
    let open = try stage.cloud.doctor()
    #expect(open.document["leak"] == "leaking", "\(open.document.text)")
    #expect(open["leak-packet"]?.evidence.contains("left by eth0 as 10.147.17.2") == true)
  }

  @Test("says what it may not look at, and passes none of it")
  func unprivileged() throws {
    let stage = try Stage()
    let command = stage.gateway.program.command(
      ["doctor", "--json"], wrapper: ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"])
    let answer = try DoctorAnswer(command.run())
    for id in ["exits", "nftables", "nftables-owner", "foreign-chains", "leak-packet", "old-setup"] {
      let check = try #require(answer[id])
      #expect(check.outcome == "skipped" && check.evidence.contains("needs root"), "\(id): \(check)")
    }
    #expect(answer["privileges"]?.outcome == "warned")
    #expect(answer["rules"]?.outcome == "passed" && answer["leak-lookup"]?.outcome == "passed")
    #expect(answer.ended(0), "\(answer.document.text)")
  }

  @Test("a daemon that hangs is named, and what can be looked at without it is")
  func frozen() throws {
    let stage = try Stage()
    stage.gateway.freeze()
    let answer = try stage.gateway.doctor()
    stage.gateway.thaw()
    #expect(answer.ids("failed") == ["daemon"], "\(answer.document.text)")
    #expect(answer["daemon"]?.evidence.contains("does not answer") == true)
  }

  @Test("with a file that cannot be used it goes by the last good one, and without any it says what it can")
  func configuration() throws {
    let stage = try Stage()
    try stage.gateway.program.rewrite(
      configuration: "rolle: gateway\n" + stage.lab.configuration(for: .gateway))
    let refused = try stage.gateway.doctor()
    #expect(refused.ids("failed") == ["configuration"], "\(refused.document.text)")
    #expect(refused["configuration"]?.evidence.contains("agent.yaml:1:1: rolle") == true)
    #expect(refused["exits"]?.outcome == "passed")
    let none = try DoctorAnswer(
      stage.gateway.program.run(["doctor", "--json"], environment: ["STATE_DIRECTORY": "/nonexistent"]))
    #expect(none.document["cause"] == "configuration" && none["exits"] == nil, "\(none.document.text)")
    #expect(none["system-rules"]?.outcome == "passed")
  }

  @Test("a Cilium whose programs are not on the tunnel is told which setting it needs")
  func cilium() throws {
    let stage = try Stage()
    try stage.lab.namespace(.gateway).ip("link add cilium_host type veth peer name cilium_net")
    let answer = try stage.gateway.doctor()
    let check = try #require(answer["cilium-devices"])
    #expect(check.outcome == "failed" && check.remedy.contains("zt+"), "\(check)")
  }
}
