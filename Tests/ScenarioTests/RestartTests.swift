import Glibc
import JSON
import Lab
import Testing

@Suite("S21: stop, kill and start again", .serialized)
struct RestartTests {
  static let streams = Set(TrafficFlow.Path.allCases.map { TrafficFlow($0, .stream) })

  @Test(
    "the kernel's state stays, no flow notices, nothing leaks", arguments: [SIGTERM, SIGINT, SIGKILL],
    [[], ["guard"]])
  func restart(_ number: Int32, _ between: [String]) throws {
    let stage = try Stage()
    let before = try stage.state()
    try stage.underTraffic(Stage.everyFlow.union(Self.streams)) { traffic in
      let watch = try KernelWatch(.gateway, in: stage.lab)
      stage.gateway.signal(number)
      let status = try stage.gateway.wait(within: .seconds(5))
      #expect(number == SIGKILL || status == .exited(0))
      let after = try stage.state()
      #expect(after == before, "\(difference(after, before))")
      stage.lab.letPass(.milliseconds(300))
      // As the unit for early boot does when all units are started again.
      if !between.isEmpty {
        let result = try stage.gateway.run(between)
        #expect(result.status == .exited(0) && result.stdout.contains("open"), "\(result)")
      }
      let second = try stage.lab.startAgent(on: .gateway)
      try second.waitFor(phase: "ready", within: .seconds(5))
      stage.lab.letPass(.milliseconds(200))
      try watch.stop()
      let changed = watch.events.filter { [.rule, .route, .parameter].contains($0.object) }
      #expect(changed.isEmpty, "the routing was touched: \(changed)")
      let report = traffic.report
      #expect(report.longestGap < .milliseconds(500).patient, "\(report)")
      let refused = report.counts.filter { $0.value.refused > 0 && $0.key != .boundIPv6 }
      #expect(refused.isEmpty, "\(report)")
    }
    #expect(try stage.state() == before)
  }

  @Test("a cloud server's agent as well", arguments: [SIGTERM, SIGKILL])
  func cloud(_ number: Int32) throws {
    let stage = try Stage()
    let before = try stage.state(of: .cloudA)
    try stage.underTraffic(Stage.everyFlow.union(Self.streams)) { traffic in
      stage.cloud.signal(number)
      _ = try stage.cloud.wait(within: .seconds(5))
      #expect(try stage.state(of: .cloudA) == before)
      stage.lab.letPass(.milliseconds(300))
      let second = try stage.lab.startAgent(on: .cloudA)
      try second.waitFor(phase: "ready", within: .seconds(5))
      stage.lab.letPass(.milliseconds(200))
      #expect(traffic.report.longestGap < .milliseconds(500).patient, "\(traffic.report)")
    }
    #expect(try stage.state(of: .cloudA) == before)
  }

  @Test("what happened while no agent ran is put right by the next, and nothing leaks in between")
  func missed() throws {
    let stage = try Stage()
    let before = try stage.state()
    try stage.underTraffic { traffic in
      stage.gateway.kill()
      try stage.lab.zeroTier(.gateway).restart()
      stage.lab.letPass(.milliseconds(200))
      try stage.expectNoWayPast("the tunnel was exchanged")
      let second = try stage.lab.startAgent(on: .gateway)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      try second.waitFor(phase: "ready", within: .seconds(3))
    }
    try stage.waitForState(before)
  }
}

@Suite("S35: guard comes before everything", .serialized)
struct GuardFirstTests {
  @Test("guard alone blocks everything, and run opens it")
  func guardFirst() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.openCloudByHand(.cloudA)
    let program = try lab.agentProgram(on: .gateway)
    let installed = try program.run(["guard"])
    #expect(
      installed.status == .exited(0) && installed.stdout.contains("closed"), "\(installed)")
    let again = try program.run(["guard"])
    #expect(again.status == .exited(0) && !again.stdout.contains("ip "), "\(again.stdout)")
    #expect(try program.run(["plan"]).status == .exited(2))
    let traffic = try lab.startTraffic(Stage.everyFlow, perSecond: 50)
    lab.letPass(.milliseconds(500))
    #expect(traffic.report.answered == 0)
    #expect(try lab.routeGet("8.8.8.8") == .blackhole)
    let agent = try lab.startAgent(on: .gateway)
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    try agent.waitFor(phase: "ready", within: .seconds(3))
    try traffic.stop()
    #expect(try lab.leaks().total == 0)
  }

  @Test("before ZeroTier is there, guard blocks, and what comes up later opens nothing without run")
  func beforeZeroTier() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.openCloudByHand(.cloudA)
    try lab.zeroTier(.gateway).kill()
    let program = try lab.agentProgram(on: .gateway)
    #expect(try program.run(["guard"]).status == .exited(0))
    let traffic = try lab.startTraffic(Stage.everyFlow, perSecond: 50)
    try lab.zeroTier(.gateway).restart()
    lab.letPass(.milliseconds(300))
    let report = try traffic.stop()
    #expect(report.answered == 0, "\(report)")
    #expect(try lab.leaks().total == 0)
  }
}
