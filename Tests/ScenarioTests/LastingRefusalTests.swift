import Glibc
import JSON
import Lab
import Testing

@Suite("S23: the kernel rejects every change for seconds", .serialized)
struct LastingRefusalTests {
  /// What the agent is about meanwhile, and how it is refused.
  enum Meanwhile: String, CaseIterable, Sendable {
    case repair, reload, start

    var errno: Int32 {
      switch self {
      case .repair: EPERM
      case .reload: ENOBUFS
      case .start: ENOMEM
      }
    }
  }

  @Test(
    "tries are few, the status says so, what stands stays, and it heals by itself",
    arguments: Meanwhile.allCases)
  func lasting(_ meanwhile: Meanwhile) throws {
    let stage = try Stage()
    let before = try stage.state()
    let faults = NetlinkFaults()
    let (agent, trace) = try begin(meanwhile, stage, faults)
    try stage.underTraffic(
      meanwhile == .start ? [] : Stage.everyFlow, from: meanwhile == .start ? .blocked : .flowing
    ) {
      traffic in
      if meanwhile != .start { faults.strike(.every, with: .refused(meanwhile.errno)) }
      let start = Moment.now
      try strike(meanwhile, stage, agent)
      // What is there still carries traffic, and nothing was there at a start.
      try expectTold(agent, errnoName(meanwhile.errno), meanwhile == .start ? "blocked" : "degraded")
      let passes = try total(agent)
      let used = try processorTime(of: agent)
      stage.lab.letPass(.seconds(3))
      let share = (try processorTime(of: agent) - used) / ((Moment.now - start) / .seconds(1))
      // Probes and requests for the status are in it, and every message stops for the tracer.
      #expect(share < 0.3, "\(share) of a core")
      #expect(try total(agent) - passes <= 20)
      #expect(faults.struck.count > 2)
      if meanwhile != .start { try stage.expectNoWayPast("\(meanwhile)") }
      if meanwhile == .reload { #expect(try stage.state() == before) }
      faults.relent()
      // The longest pause between two tries is 5 s.
      let wanted = meanwhile == .reload ? before.replacing("blackhole ", with: "prohibit ") : before
      let lines = Set(wanted.split(separator: "\n"))
      let healed = try eventually(within: .seconds(8)) {
        try Set(stage.state().split(separator: "\n")) == lines ? true : nil
      }
      let rest = try difference(stage.state(), wanted)
      #expect(healed == true, "\(rest)")
      try expect(agent, "ready")
      if meanwhile == .start { return }
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    #expect(!trace.isOver)
    try trace.end(agent)
  }

  /// The agent, watched before it does anything.
  private func begin(_ meanwhile: Meanwhile, _ stage: Stage, _ faults: NetlinkFaults) throws -> (
    AgentProcess, NetlinkTrace
  ) {
    guard meanwhile == .start else {
      return (stage.gateway, try NetlinkTrace(stage.gateway, through: faults))
    }
    stage.gateway.kill()
    #expect(try stage.gateway.run(["teardown", "--yes"]).status == .exited(0))
    let agent = try stage.lab.startStopped(["run"], on: .gateway)
    faults.strike(.every, with: .refused(meanwhile.errno))
    return (agent, try NetlinkTrace(agent, through: faults))
  }

  /// Gives it something to do.
  private func strike(_ meanwhile: Meanwhile, _ stage: Stage, _ agent: AgentProcess) throws {
    switch meanwhile {
    case .start: break
    case .repair:
      try stage.lab.namespace(.gateway).ip("rule del priority 151")
      try stage.lab.namespace(.gateway).ip("route del default table 101")
    case .reload:
      let configuration = try stage.lab.configuration(for: .gateway)
      let other = configuration.replacing("  egressIP:", with: "  whenDown: prohibit\n  egressIP:")
      try agent.program.rewrite(configuration: other)
      _ = try agent.run(["reload"])
    }
  }

  /// A change of what all of the agent's state is made of, on either side.
  enum Change: CaseIterable, Sendable { case routingTable, allowedPorts }

  @Test(
    "while another configuration's state is refused the former one's carries traffic: degraded, not blocked",
    arguments: Change.allCases)
  func refusedChange(_ change: Change) throws {
    let stage = try Stage()
    let agent = change == .routingTable ? stage.gateway : stage.cloud
    let faults = NetlinkFaults()
    let trace = try NetlinkTrace(agent, through: faults)
    try stage.underTraffic { traffic in
      faults.strike(.every, with: .refused(EPERM))
      switch change {
      case .routingTable:
        let configuration = try stage.lab.configuration(for: .gateway)
          .replacing("  egressIP:", with: "  routingTable: 110\n  egressIP:")
        try agent.program.rewrite(configuration: configuration)
        _ = try agent.run(["reload"])
      case .allowedPorts:
        try stage.reconfigureCloud(
          "wanInterface: auto\n  allow: [{protocol: tcp}, {protocol: udp}, {protocol: icmp}]")
      }
      try expectTold(agent, "EPERM", "degraded")
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      faults.relent()
      try expect(agent, "ready")
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    try trace.end(agent)
  }

  private func expectTold(_ agent: AgentProcess, _ name: String, _ phase: String) throws {
    let status = try eventually(within: .seconds(5), step: .milliseconds(50)) { () -> JSONValue? in
      let status = try agent.program.status()
      let reason = status?["reasons"]?.array?.first { $0["code"] == "kernel-refused" }
      return reason?["message"]?.string?.contains("(\(name))") == true ? status : Optional.none
    }
    #expect(status?["phase"]?.string == phase, "\(status?.text ?? agent.log)")
    #expect(status?["kernel"]?["inSync"] == false)
  }

  private func expect(_ agent: AgentProcess, _ phase: String) throws {
    let status = try eventually(within: .seconds(8), step: .milliseconds(50)) { () -> JSONValue? in
      let status = try agent.program.status()
      return status?["phase"]?.string == phase ? status : Optional.none
    }
    #expect(status != nil, "\(agent.log.suffix(2000))")
  }

  private func total(_ agent: AgentProcess) throws -> Int64 {
    try agent.program.status()?["reconcile"]?["total"]?.integer ?? -1
  }
}
