import Glibc
import Lab
import Testing

@Suite("S1: the tunnel goes while the agent is frozen", .serialized)
struct TunnelGoesFrozenTests {
  @Test("nothing leaks, forwarded or from a bound socket", arguments: TunnelFault.allCases)
  func frozen(_ fault: TunnelFault) throws {
    let stage = try Stage()
    try stage.underTraffic { _ in
      stage.gateway.freeze()
      try fault.strike(stage.lab)
      stage.lab.letPass(.seconds(1))
      #expect(try stage.lab.routeGet("8.8.8.8") != .interface("uplink0"))
      stage.gateway.thaw()
      stage.lab.letPass(.milliseconds(300))
    }
  }

  @Test(
    "the control: without protection the same faults leak",
    arguments: [TunnelFault.linkDown, .addressDeleted])
  func control(_ fault: TunnelFault) throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.followPlanByHand()
    let traffic = try lab.startTraffic(perSecond: 50)
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    try fault.strike(lab)
    lab.letPass(.milliseconds(700))
    try traffic.stop()
    let leaks = try lab.leaks()
    #expect(min(leaks.tcp, leaks.udp, leaks.icmp) > 0, "\(leaks)")
  }
}

@Suite("S2: the tunnel goes and comes back while the agent runs", .serialized)
struct TunnelReturnsTests {
  @Test("nothing leaks, and traffic flows within a second of the return", arguments: TunnelFault.allCases)
  func running(_ fault: TunnelFault) throws {
    let stage = try Stage()
    try stage.underTraffic { traffic in
      try fault.strike(stage.lab)
      try stage.gateway.waitFor(phase: "blocked", within: .seconds(3))
      stage.lab.letPass(.milliseconds(300))
      try fault.heal(stage.lab)
      let back = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      #expect(back < .seconds(1), "\(back)")
      try stage.gateway.waitFor(phase: "ready", within: .seconds(2))
    }
    try stage.expectInSync()
  }
}

@Suite("S3: the interface comes back as another", .serialized)
struct OtherInterfaceTests {
  @Test(
    "with another index or under another name, and nothing refers to the old", arguments: [nil, "ztother0"])
  func other(_ device: String?) throws {
    let stage = try Stage()
    let old = try stage.lab.zeroTier(.gateway).device
    try stage.underTraffic { traffic in
      try stage.lab.zeroTier(.gateway).restart(device: device)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    try stage.gateway.waitFor(phase: "ready", within: .seconds(3))
    try stage.expectInSync()
    let state = try stage.state()
    #expect(state.contains(try stage.lab.zeroTier(.gateway).device))
    if device != nil { #expect(!state.contains(old), "\(state)") }
  }
}
