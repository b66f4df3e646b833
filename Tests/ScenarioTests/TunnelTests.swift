import Glibc
import JSON
import Lab
import Testing

@Suite("S1: the tunnel goes while the agent is frozen", .serialized)
struct TunnelGoesFrozenTests {
  @Test(
    "nothing leaks before, during and after, forwarded or from a bound socket",
    arguments: TunnelFault.allCases)
  func frozen(_ fault: TunnelFault) throws {
    let stage = try Stage()
    try stage.underTraffic { traffic in
      stage.gateway.freeze()
      try fault.strike(stage.lab)
      try stage.expectNoWayPast("\(fault)")
      stage.lab.letPass(.milliseconds(700))
      try stage.expectNoWayPast("\(fault)")
      // Nor does a probe go to the uplink, although the exit's address is in an excluded network.
      #expect(try stage.lab.routeGet(Node.cloudA.tunnelAddress ?? "") != .interface("uplink0"))
      stage.gateway.thaw()
      try stage.gateway.waitFor(phase: "blocked", within: .seconds(3))
      stage.lab.letPass(.milliseconds(200))
      try fault.heal(stage.lab)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    try stage.expectInSync()
  }

  @Test("the control: without protection the same faults leak on both paths", arguments: TunnelFault.allCases)
  func control(_ fault: TunnelFault) throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.followPlanByHand()
    let traffic = try lab.startTraffic(perSecond: 50)
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    #expect(try lab.leaks().total == 0)
    try fault.strike(lab)
    try traffic.stop()
    for path in TrafficFlow.Path.allCases {
      try lab.resetLeaks()
      let traffic = try lab.startTraffic(TrafficFlow.all.filter { $0.path == path }, perSecond: 50)
      lab.letPass(.milliseconds(300))
      try traffic.stop()
      let leaks = try lab.leaks()
      #expect(min(leaks.tcp, leaks.udp, leaks.icmp) > 0, "\(path): \(leaks)")
    }
  }
}

@Suite("S2: the tunnel goes and comes back while the agent runs", .serialized)
struct TunnelReturnsTests {
  @Test(
    "nothing leaks, and traffic flows within a second of link and address being back",
    arguments: TunnelFault.allCases)
  func running(_ fault: TunnelFault) throws {
    let stage = try Stage()
    try stage.underTraffic { traffic in
      try fault.strike(stage.lab)
      try stage.gateway.waitFor(phase: "blocked", within: .seconds(3))
      try stage.expectNoWayPast("\(fault)")
      stage.lab.letPass(.milliseconds(300))
      let watch = try KernelWatch(.gateway, in: stage.lab)
      let start = Moment.now
      try fault.heal(stage.lab)
      let returned = try #require(
        eventually(within: .seconds(2)) { fault.isUndone(by: watch.events(since: start)) })
      let back = try traffic.waitForAnswers(after: returned, within: .seconds(5))
      #expect(back < .seconds(1).patient, "\(back)\n\(stage.gateway.log)")
      try watch.stop()
      try stage.gateway.waitFor(phase: "ready", within: .seconds(2))
    }
    #expect(stage.gateway.isRunning)
    try stage.expectInSync()
  }
}

@Suite("S3: the interface comes back as another", .serialized)
struct OtherInterfaceTests {
  private func index(of device: String, _ stage: Stage) throws -> Int64? {
    let links = try JSONValue(
      parsing: stage.lab.namespace(.gateway).ip("-j link show dev \(device)").utf8)
    return links.array?.first?["ifindex"]?.integer
  }

  @Test(
    "with another index or under another name, and nothing refers to the old", arguments: [nil, "ztother0"])
  func other(_ device: String?) throws {
    let stage = try Stage()
    let gateway = try stage.lab.namespace(.gateway)
    let old = try stage.lab.zeroTier(.gateway).device
    let oldIndex = try #require(try index(of: old, stage))
    try stage.underTraffic { traffic in
      try stage.lab.zeroTier(.gateway).restart(device: device)
      // A stranger takes the name that has become free.
      if device != nil { try gateway.ip("link add \(old) type veth peer name stranger") }
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    let status = try stage.gateway.waitFor(phase: "ready", within: .seconds(3))
    try stage.expectInSync()
    let new = try stage.lab.zeroTier(.gateway).device
    let newIndex = try #require(try index(of: new, stage))
    #expect(newIndex != oldIndex)
    #expect(status["zerotier"]?["interface"]?.string == new)
    #expect(status["zerotier"]?["interfaceIndex"]?.integer == newIndex)
    let state = try stage.state()
    #expect(state.contains(new) && !state.contains("if\(oldIndex)"), "\(state)")
    if device != nil { #expect(!state.contains(old), "\(state)") }
  }
}

/// Ways in which the tunnel goes, and how each comes back.
enum TunnelFault: String, CaseIterable, Sendable {
  case linkDown, linkDeleted, addressDeleted, killed

  func strike(_ lab: Lab) throws {
    let zerotier = try lab.zeroTier(.gateway)
    switch self {
    case .linkDown: try zerotier.tell(.linkDown)
    case .linkDeleted: try zerotier.tell(.linkDelete)
    case .addressDeleted: try zerotier.tell(.addressDelete)
    case .killed: try zerotier.kill()
    }
  }

  func heal(_ lab: Lab) throws {
    let zerotier = try lab.zeroTier(.gateway)
    switch self {
    case .linkDown: try zerotier.tell(.linkUp)
    case .addressDeleted: try zerotier.tell(.addressAdd)
    case .linkDeleted, .killed: try zerotier.restart()
    }
  }

  /// When the link was up with its address again, by what the kernel announced since the healing began.
  func isUndone(by events: [KernelEvent]) -> Moment? {
    let up = events.filter { $0.object == .link && $0.change == .added }
    let addressed = events.first { $0.object == .address && $0.change == .added }
    switch self {
    case .linkDown: return up.first?.time
    case .addressDeleted: return addressed?.time
    // The new link has its address before it is up.
    case .linkDeleted, .killed:
      return addressed.flatMap { address in up.first { $0.time > address.time }?.time }
    }
  }
}
