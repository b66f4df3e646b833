import JSON
import Lab
import Testing

@Suite("An exit chosen by a person", .serialized)
struct PinnedExitTests {
  private func active(_ status: JSONValue?) -> [String] {
    (status?["exits"]?.array ?? []).filter { $0["active"] == true }.compactMap { $0["name"]?.string }
  }

  @Test("pins the traffic, is shown, and is gone with a restart; auto gives the choice back; nothing leaks")
  func pin() throws {
    let stage = try Stage(clouds: .two)
    try stage.underTraffic { traffic in
      let pinned = try stage.gateway.run(["exit", "use", "cloud-b"])
      #expect(pinned.status == .exited(0) && pinned.stdout.contains("pinned to cloud-b"), "\(pinned)")
      let status = try #require(try stage.gateway.status())
      #expect(active(status) == ["cloud-b"] && status["phase"] == "degraded")
      #expect(status["reasons"]?.array?.map { $0["code"]?.string } == ["exit-pinned"], "\(status)")
      #expect(status["exits"]?.array?.last?["pinned"] == true)
      #expect(try stage.gateway.run(["status"]).stdout.contains("pinned"))
      #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudB.publicAddress)
      // Longer than failbackAfter.
      stage.lab.letPass(.seconds(3))
      #expect(active(try stage.gateway.status()) == ["cloud-b"])
      #expect(try stage.gateway.run(["exit", "use", "auto"]).status == .exited(0))
      try stage.gateway.waitFor(phase: "ready", within: .seconds(3))
      #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
      _ = try stage.gateway.run(["exit", "use", "cloud-b"])
      #expect(try stage.gateway.terminateAndWait() == .exited(0))
      let next = try stage.lab.startAgent(on: .gateway)
      // It goes on through the exit that it finds open, and returns as after any failure.
      try next.waitFor(phase: "ready", within: .seconds(10))
      #expect(active(try next.status()) == ["cloud-a"])
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
  }

  @Test(
    "with --keep it outlives restarts, until another choice or until the exit is gone from the configuration")
  func kept() throws {
    let stage = try Stage(clouds: .two)
    #expect(try stage.gateway.run(["exit", "use", "cloud-b", "--keep"]).status == .exited(0))
    stage.gateway.kill()
    let next = try stage.lab.startAgent(on: .gateway)
    let status = try next.waitForStatus("the pin", within: .seconds(5)) { $0["phase"] == "degraded" }
    #expect(active(status) == ["cloud-b"] && status["exits"]?.array?.last?["pinned"] == true)
    try next.program.rewrite(
      configuration: try stage.lab.configuration(for: .gateway).replacing(
        "address: 10.147.17.3", with: "address: 10.147.17.9"))
    #expect(try next.run(["reload"]).status == .exited(0))
    try next.waitFor(phase: "ready", within: .seconds(5))
    try next.program.rewrite(configuration: try stage.lab.configuration(for: .gateway))
    #expect(try next.run(["reload"]).status == .exited(0))
    _ = try next.terminateAndWait()
    let last = try stage.lab.startAgent(on: .gateway)
    try last.waitFor(phase: "ready", within: .seconds(10))
    #expect(active(try last.status()) == ["cloud-a"])
  }

  @Test("a reload of something else, and another name for the exit, leave the pin and its traffic")
  func reloads() throws {
    let stage = try Stage(clouds: .two)
    #expect(try stage.gateway.run(["exit", "use", "cloud-b", "--keep"]).status == .exited(0))
    let watch = try KernelWatch(.gateway, in: stage.lab)
    let start = Moment.now
    let device = try stage.lab.zeroTier(.gateway).device
    let named = try stage.lab.configuration(for: .gateway)
      .replacing("  pollInterval:", with: "  interface: \(device)\n  pollInterval:")
    for text in [named, named.replacing("name: cloud-b", with: "name: spare")] {
      try stage.gateway.program.rewrite(configuration: text)
      #expect(try stage.gateway.run(["reload"]).status == .exited(0))
    }
    stage.lab.letPass(.milliseconds(500))
    #expect(
      watch.tunnelDefaults(since: start).isEmpty,
      "\(watch.tunnelDefaults(since: start))\n\(stage.gateway.log)")
    #expect(active(try stage.gateway.status()) == ["spare"])
    let next = try stage.lab.restart(stage.gateway)
    let status = try next.waitForStatus("the pin", within: .seconds(5)) { $0["phase"] == "degraded" }
    #expect(status["exits"]?.array?.last?["pinned"] == true, "\(status)")
  }

  @Test("an exit that is not there or does not work is refused by name, and nothing changes")
  func refused() throws {
    let stage = try Stage(clouds: .two)
    let unknown = try stage.gateway.run(["exit", "use", "cloud-z"])
    #expect(unknown.status == .exited(1))
    #expect(unknown.stderr.contains("there is no exit \"cloud-z\"; the exits are cloud-a, cloud-b"))
    try stage.lab.cut(.cloudB)
    try stage.gateway.waitForStatus("its failure", within: .seconds(3)) {
      $0["exits"]?.array?.last?["health"] == "unhealthy"
    }
    let dead = try stage.gateway.run(["exit", "use", "cloud-b"])
    #expect(dead.status == .exited(1) && dead.stderr.contains("all traffic would be blocked"), "\(dead)")
    let json = try JSONValue(
      parsing: try stage.gateway.run(["exit", "use", "cloud-b", "--json"]).stdout.utf8)
    #expect(json["result"] == "refused")
    let server = try stage.cloud.run(["exit", "use", "cloud-b"])
    #expect(server.status == .exited(1) && server.stderr.contains("this is a cloud server"), "\(server)")
    #expect(try stage.gateway.run(["exit", "use"]).status == .exited(64))
    #expect(try stage.gateway.waitFor(phase: "ready", within: .seconds(1))["phase"] == "ready")
  }

  @Test("a pinned exit that fails blocks all traffic, and the reason names the pin")
  func fails() throws {
    let stage = try Stage(clouds: .two)
    _ = try stage.gateway.run(["exit", "use", "cloud-b"])
    try stage.underTraffic { traffic in
      try stage.lab.cut(.cloudB)
      let status = try stage.gateway.waitFor(phase: "blocked", within: .seconds(3))
      #expect(status["reasons"]?.array?.first?["code"] == "pinned-exit-down", "\(status)")
      _ = try stage.gateway.run(["exit", "use", "auto"])
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
  }
}

@Suite("Flows are shared among exits", .serialized)
struct SpreadTests {
  private static let flows: @Sendable (String) -> String = {
    $0.replacing("  probe:\n", with: "  spread: flows\n  probe:\n")
  }

  /// The public addresses that servers see of new flows to them.
  private func seen(_ stage: Stage) throws -> Set<String> {
    try Set(
      ([Address.server] + Address.otherServers).map { host in
        try stage.lab.fetch(from: .pod, host: host).get()
      })
  }

  @Test("by the kernel; one that dies leaves the group, and joins it again; nothing leaks")
  func spread() throws {
    let stage = try Stage(clouds: .two, adjusting: Self.flows)
    // A flow is a pair of ports as well.
    try stage.lab.namespace(.gateway).setSysctls(["net.ipv4.fib_multipath_hash_policy": "1"])
    try stage.underTraffic { traffic in
      let gateway = try stage.lab.namespace(.gateway)
      let watch = try KernelWatch(.gateway, in: stage.lab)
      try stage.gateway.waitFor(phase: "ready", within: .seconds(5))
      let route = try gateway.ip("route show table 100 default")
      #expect(
        route.contains("nexthop via 10.147.17.2") && route.contains("nexthop via 10.147.17.3"), "\(route)")
      let both = eventually(within: .seconds(5)) { (try? seen(stage))?.count == 2 ? true : nil }
      #expect(both != nil)
      let start = Moment.now
      try stage.lab.cut(.cloudA)
      let change = try watch.waitForTunnelDefault(since: start, within: .seconds(3)) {
        $0.exits == [Node.cloudB.tunnelAddress]
      }
      #expect(change.time - start <= .milliseconds(3 * 200 + 200 + 500))
      let status = try stage.gateway.waitFor(phase: "degraded", within: .seconds(2))
      #expect(status["reasons"]?.array?.first?["code"] == "exit-missing", "\(status)")
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      try stage.lab.heal(.cloudA)
      try stage.gateway.waitFor(phase: "ready", within: .seconds(10))
      let shared = try gateway.ip("route show table 100 default")
      #expect(shared.contains("nexthop via 10.147.17.2"), "\(shared)")
    }
    try stage.expectInSync()
  }

  @Test("a restart finds them shared and leaves them so")
  func restart() throws {
    let stage = try Stage(clouds: .two, adjusting: Self.flows)
    let watch = try KernelWatch(.gateway, in: stage.lab)
    let start = Moment.now
    stage.gateway.kill()
    let next = try stage.lab.startAgent(
      on: .gateway, configuration: Self.flows(try stage.lab.configuration(for: .gateway)))
    try next.waitFor(phase: "ready", within: .seconds(5))
    #expect(watch.tunnelDefaults(since: start).isEmpty, "\(watch.tunnelDefaults(since: start))")
    try stage.expectInSync(next)
  }
}

@Suite("Exits that cannot be the tunnel's", .serialized)
struct StrangeExitTests {
  private static let stranger: @Sendable (String) -> String = {
    $0.replacing("address: 10.147.17.3", with: "address: 10.99.0.3")
  }

  @Test("one outside the tunnel's networks is unknown and says why; the others work")
  func outside() throws {
    let lab = try Lab(.init(clouds: .two))
    defer { lab.close() }
    for cloud in lab.clouds { try lab.startAgent(on: cloud).waitFor(phase: "ready", within: .seconds(10)) }
    let agent = try lab.startAgent(
      on: .gateway, configuration: Self.stranger(try lab.configuration(for: .gateway)))
    let status = try agent.waitForStatus("the finding", within: .seconds(5)) {
      $0["phase"] == "degraded" && $0["reasons"]?.array?.first?["code"] == "exit-outside-network"
    }
    let exit = try #require(status["exits"]?.array?.last)
    #expect(exit["health"] == "unknown" && exit["healthy"] == false)
    #expect(
      exit["problem"]?.string == "10.99.0.3 is outside the tunnel's networks: 10.147.17.0/24", "\(exit)")
    #expect(try lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
  }

  @Test("a changed file with one is refused with its place, and the last good configuration stands")
  func reload() throws {
    let stage = try Stage(clouds: .two)
    let text = Self.stranger(try stage.lab.configuration(for: .gateway))
    try stage.gateway.program.rewrite(configuration: text)
    let result = try stage.gateway.run(["reload"])
    #expect(result.status == .exited(1))
    let line =
      try #require(
        text.split(separator: "\n", omittingEmptySubsequences: false).firstIndex { $0.contains("10.99.0.3") })
      + 1
    #expect(
      result.stderr.contains(
        ":\(line):16: gateway.exits[1].address: 10.99.0.3 is outside the tunnel's networks: 10.147.17.0/24"),
      "\(result)")
    let status = try stage.gateway.waitFor(phase: "degraded", within: .seconds(2))
    #expect(status["exits"]?.array?.last?["address"] == "10.147.17.3")
  }
}

@Suite("Many exits", .serialized)
struct ManyExitsTests {
  @Test("dead ones do not keep the one that works from being asked")
  func dead() throws {
    let stage = try Stage()
    let strangers = (20..<60).map { "    - {name: dead-\($0), address: 10.147.17.\($0)}" }
    let text = try stage.lab.configuration(for: .gateway)
      .replacing(
        "  probe:\n    interval: 200ms",
        with: strangers.joined(separator: "\n") + "\n  probe:\n    interval: 100ms")
    try stage.gateway.program.rewrite(configuration: text)
    #expect(try stage.gateway.run(["reload"]).status == .exited(0))
    let watch = try KernelWatch(.gateway, in: stage.lab)
    let start = Moment.now
    // The kernel gives a neighbour up after three seconds, and tries anew.
    stage.lab.letPass(.seconds(8))
    #expect(watch.tunnelDefaults(since: start).isEmpty, "\(watch.tunnelDefaults(since: start))")
    let exit = try #require(try stage.gateway.status()?["exits"]?.array?.first)
    #expect(exit["health"] == "healthy", "\(exit)")
  }
}

@Suite("What ZeroTier says of exits", .serialized)
struct PeerFactsTests {
  @Test("a relayed path shows at once, and is warned of after a minute, with the port to open")
  func relayed() throws {
    let stage = try Stage()
    let direct = try #require(try stage.gateway.status()?["exits"]?.array?.first)
    #expect(direct["path"] == "direct")
    #expect(direct["zerotier"]?["address"]?.string == "192.0.2.20:51315", "\(direct)")
    #expect(direct["zerotier"]?["version"] == "1.14.1")
    #expect(direct["zerotier"]?["latencySeconds"]?.number == 0.011)
    #expect(direct["zerotier"]?["lastSeenSeconds"]?.number ?? 99 < 5)
    let start = Moment.now
    try stage.lab.zeroTier(.gateway).tell(.peer(.cloudA, .relayed))
    try stage.gateway.waitForStatus("the relay", within: .seconds(3)) {
      $0["exits"]?.array?.first?["path"] == "relayed"
    }
    let warned = try stage.gateway.waitForStatus("the warning", within: .seconds(70)) { status in
      status["warnings"]?.array?.contains { $0["code"] == "exit-relayed" } ?? false
    }
    #expect(Moment.now - start >= .seconds(60))
    // Traffic flows as it did.
    #expect(warned["phase"] == "ready")
    let warning = try #require(warned["warnings"]?.array?.first)
    #expect(warning["remedy"]?.string?.contains("UDP 9993") == true)
    try stage.lab.zeroTier(.gateway).tell(.peer(.cloudA, .direct))
    try stage.gateway.waitForStatus("the direct path", within: .seconds(3)) {
      $0["exits"]?.array?.first?["path"] == "direct" && $0["warnings"]?.array?.isEmpty == true
    }
  }
}
