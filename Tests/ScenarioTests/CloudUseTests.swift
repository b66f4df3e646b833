import Glibc
import JSON
import Lab
import Testing

@Suite("What a cloud server says of its WAN and of who uses it", .serialized)
struct CloudUseTests {
  /// The gateway with that address, as the cloud server's status has it.
  private func gateway(_ status: JSONValue?, _ address: String = Address.egress) -> JSONValue? {
    status?["gateways"]?.array?.first { $0["address"]?.string == address }
  }

  private func count(_ key: String, of stage: Stage) throws -> Int64 {
    try gateway(stage.cloud.status())?[key]?.integer ?? 0
  }

  private func codes(_ status: JSONValue) -> [String] {
    (status["reasons"]?.array ?? []).compactMap { $0["code"]?.string }
  }

  @Test("gateways show with what they sent and received, and nobody shows before")
  func gateways() throws {
    let stage = try Stage()
    #expect(try stage.cloud.status()?["gateways"]?.array == [])
    try stage.cloud.program.rewrite(
      configuration: try stage.lab.configuration(for: .cloudA, metrics: "127.0.0.1:80"))
    #expect(try stage.cloud.run(["reload"]).status == .exited(0))
    let size = 200_000
    #expect(try stage.lab.fetch(from: .pod, path: "/bytes/\(size)").get().utf8.count == size)
    let status = try #require(try stage.cloud.status())
    #expect(status["gateways"]?.array?.count == 1, "\(status)")
    let seen = try #require(gateway(status))
    #expect(seen["lastSeenSeconds"]?.integer ?? .max <= 2)
    #expect(seen["receivedBytes"]?.integer ?? 0 > size && seen["sentBytes"]?.integer ?? 0 > 200, "\(seen)")
    #expect(seen["receivedPackets"]?.integer ?? 0 > 5 && seen["sentPackets"]?.integer ?? 0 > 5, "\(seen)")
    let page = try stage.lab.fetch(from: .node(.cloudA), host: "127.0.0.1", path: "/metrics").get()
    for line in [
      "liteboxd_agent_wan_up 1", "liteboxd_agent_gateways 1",
      "liteboxd_agent_gateway_received_bytes_total{gateway=\"\(Address.egress)\"} \(seen["receivedBytes"]?.integer ?? 0)",
    ] { #expect(page.contains("\n\(line)\n"), "\(line) in \(page)") }
    #expect(try stage.cloud.run(["status"]).stdout.contains("GATEWAY"))
    #expect(try stage.gateway.status()?["gateways"]?.array == [])
    try stage.expectInSync(stage.cloud)
  }

  @Test("a restart forgets nobody, and neither does a reload with other limits")
  func lasting() throws {
    let stage = try Stage()
    #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
    let before = try count("sentBytes", of: stage)
    #expect(before > 0)
    let limits = "wanInterface: auto\n  allow: [{protocol: tcp, ports: [80]}]"
    for configuration in [
      try stage.lab.configuration(for: .cloudA).replacing("wanInterface: auto", with: limits),
      try stage.lab.configuration(for: .cloudA),
    ] {
      try stage.cloud.program.rewrite(configuration: configuration)
      #expect(try stage.cloud.run(["reload"]).status == .exited(0))
      #expect(try count("sentBytes", of: stage) >= before)
    }
    stage.cloud.kill()
    let second = try stage.lab.startAgent(on: .cloudA)
    try second.waitFor(phase: "ready", within: .seconds(5))
    #expect(gateway(try second.status())?["sentBytes"]?.integer ?? 0 >= before)
  }

  @Test("the rules that fill the sets are put back after they were changed while no agent ran")
  func repaired() throws {
    let stage = try Stage()
    let namespace = try stage.lab.namespace(.cloudA)
    #expect(throws: LabError.self) {
      try namespace.nft("insert rule inet liteboxd leaving update @gateways_out { ip daddr counter }")
    }
    let before = try stage.state(of: .cloudA)
    stage.cloud.kill()
    try namespace.nft("flush chain inet liteboxd leaving")
    try namespace.nft("add element inet liteboxd gateways_out { 10.147.17.66 }")
    let second = try stage.lab.startAgent(on: .cloudA)
    try second.waitFor(phase: "ready", within: .seconds(5))
    try stage.waitForState(before, of: .cloudA)
    #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
    let status = try second.status()
    #expect(gateway(status) != nil && gateway(status, "10.147.17.66") == nil, "\(status?.text ?? "")")
  }

  @Test("a WAN whose other end goes shows within a second, and closes nothing")
  func carrier() throws {
    let stage = try Stage()
    let internet = try stage.lab.namespace(.internet)
    let wan = try #require(try stage.cloud.status()?["wan"])
    #expect(wan["interface"] == "eth0" && wan["gateway"]?.string == Address.cloudRouter, "\(wan)")
    #expect(wan["defaultRoute"] == true && wan["carrier"] == true && wan["answers"] == .null, "\(wan)")
    #expect(wan["roundTripSeconds"] == .null && wan["problem"] == .null, "\(wan)")
    try internet.ip("link set cloud-a down")
    let status = try stage.cloud.waitForStatus("no carrier", within: .seconds(1)) {
      $0["wan"]?["carrier"] == false
    }
    #expect(status["phase"] == "degraded" && codes(status) == ["wan-no-carrier"], "\(status)")
    #expect(status["wan"]?["problem"] == "no carrier" && status["tunnelUp"] == true, "\(status)")
    try internet.ip(batch: [
      "link set cloud-a up", "route replace \(Node.cloudA.publicAddress ?? "")/32 dev cloud-a",
    ])
    try stage.cloud.waitFor(phase: "ready", within: .seconds(1))
    #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
    try stage.expectInSync(stage.cloud)
  }

  @Test("a named WAN without a default route is told of")
  func noRoute() throws {
    let stage = try Stage()
    try stage.cloud.program.rewrite(
      configuration: try stage.lab.configuration(for: .cloudA).replacing(
        "wanInterface: auto", with: "wanInterface: eth0"))
    #expect(try stage.cloud.run(["reload"]).status == .exited(0))
    try stage.lab.namespace(.cloudA).ip("route del default")
    let status = try stage.cloud.waitForStatus("no route", within: .seconds(1)) {
      $0["wan"]?["defaultRoute"] == false
    }
    #expect(status["warnings"]?.array?.contains { $0["code"] == "wan-no-route" } == true, "\(status)")
    #expect(status["wan"]?["problem"] == "no default route in table main", "\(status)")
  }

  @Test("whether the Internet answers is asked through the WAN, and an unanswered one closes nothing")
  func probe() throws {
    let stage = try Stage()
    let internet = try stage.lab.namespace(.internet)
    let (first, second) = (Address.otherServers[0], Address.otherServers[1])
    let probe =
      "probe: {through: [tcp://\(first):80, tcp://\(second):80], interval: 150ms, timeout: 100ms, failAfter: 2}"
    try stage.cloud.program.rewrite(
      configuration: try stage.lab.configuration(for: .cloudA).replacing(
        "wanInterface: auto", with: "wanInterface: auto\n  \(probe)"))
    #expect(try stage.cloud.run(["reload"]).status == .exited(0))
    let answering = try stage.cloud.waitForStatus("answers", within: .seconds(2)) {
      $0["wan"]?["answers"] == true
    }
    #expect(answering["phase"] == "ready" && answering["wan"]?["problem"] == .null, "\(answering)")
    #expect(answering["wan"]?["roundTripSeconds"]?.number ?? 9 < 0.1, "\(answering)")
    // Any one of them is enough.
    try internet.nft(ruleset: "table ip silent { chain c { type filter hook prerouting priority -300; }; }")
    try internet.nft("add rule ip silent c ip daddr \(first) drop")
    stage.lab.letPass(.milliseconds(600))
    #expect(try stage.cloud.status()?["wan"]?["answers"] == true)
    try internet.nft("add rule ip silent c ip daddr \(second) drop")
    let silent = try stage.cloud.waitForStatus("no answer", within: .seconds(2)) {
      $0["wan"]?["answers"] == false
    }
    #expect(silent["phase"] == "degraded" && codes(silent) == ["wan-unanswered"], "\(silent)")
    let problem = silent["wan"]?["problem"]?.string ?? ""
    for target in [first, second] {
      #expect(problem.contains("tcp://\(target):80 does not answer: no answer in time"), "\(problem)")
    }
    #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
    try internet.nft("delete table ip silent")
    try stage.cloud.waitFor(phase: "ready", within: .seconds(2))
    #expect(try stage.cloud.status()?["wan"]?["answers"] == true)
  }
}
