import Foundation
import JSON
import Lab
import Testing

/// A lab with an agent on the gateway and on the cloud server, both ready.
final class Stage {
  let lab: Lab
  private(set) var gateway: AgentProcess
  let cloud: AgentProcess
  /// nil with one cloud server.
  private(set) var otherCloud: AgentProcess?

  /// - Parameter adjusting: makes the gateway's configuration of the lab's own.
  init(clouds: CloudServers = .one, adjusting: (String) -> String = { $0 }) throws {
    lab = try Lab(.init(clouds: clouds))
    do {
      cloud = try lab.startAgent(on: .cloudA)
      if clouds == .two {
        otherCloud = try lab.startAgent(on: .cloudB)
        try otherCloud?.waitFor(phase: "ready", within: .seconds(10))
      }
      gateway = try lab.startAgent(
        on: .gateway, configuration: adjusting(try lab.configuration(for: .gateway)))
      try cloud.waitFor(phase: "ready", within: .seconds(10))
      try gateway.waitFor(phase: "ready", within: .seconds(10))
      if clouds == .two {
        try gateway.waitForHealthy(.cloudB)
      }
    } catch {
      lab.close()
      throw error
    }
  }

  deinit { lab.close() }

  /// Another run on the gateway, which knows nothing of what the exits did so far, with the same configuration.
  func restartGateway() throws {
    gateway = try lab.restart(gateway)
  }

  /// Has the cloud server take the lab's own configuration with that line of the section `cloud` instead of the lab's.
  func reconfigureCloud(_ line: String) throws {
    let plain = try lab.configuration(for: .cloudA)
    try cloud.program.rewrite(configuration: plain.replacing("wanInterface: auto", with: line))
    let reload = try cloud.run(["reload"])
    #expect(reload.status == .exited(0), "\(reload)")
  }

  /// Everything of the agent's on that node, as text that is the same when the state is.
  func state(of node: Node = .gateway) throws -> String {
    let namespace = try lab.namespace(node)
    let routes = try OwnedObject.tables.map { table in
      let listing = try Command(["ip", "-n", namespace.name, "route", "show", "table", table]).run().stdout
      // The kernel orders routes of one prefix by age.
      return listing.split(separator: "\n").sorted().joined(separator: "\n")
    }
    // Who holds the table is shown in its first lines, and changes with each start.
    let listing = try namespace.execute(["nft", "-s", "list", "table", "inet", "liteboxd"]).run().stdout
    let table = withoutGateways(listing)
      .split(separator: "\n").filter { !$0.hasPrefix("table ") && !$0.hasPrefix("\tflags ") }
      .joined(separator: "\n")
    let parameters = try OwnedObject.parameters(of: node, in: lab)
    let sysctls = try namespace.execute(["sysctl", "-e"] + parameters.map(\.name)).run().stdout
    return try ([namespace.ip("rule show"), namespace.ip("-6 rule show")] + routes + [table, sysctls])
      .joined(separator: "\n")
  }

  /// Waits until the node's state is that text again.
  func waitForState(_ wanted: String, of node: Node = .gateway, within limit: Duration = .seconds(3)) throws {
    let restored = try eventually(within: limit) { try state(of: node) == wanted ? true : nil }
    if restored == nil { #expect(try state(of: node) == wanted) }
  }

  /// `plan` says that nothing is to be done.
  func expectInSync(_ agent: AgentProcess? = nil, within limit: Duration = .seconds(3)) throws {
    let agent = agent ?? gateway
    let inSync = try eventually(within: limit) { try agent.run(["plan"]).status == .exited(0) ? true : nil }
    if inSync == nil {
      let plan = try agent.run(["plan"])
      #expect(plan.status == .exited(0), "\(plan.stdout)\(plan.stderr)\n\(agent.log)")
    }
  }

  /// Both paths with TCP, UDP and ICMP, and IPv6 from a socket bound to the node's ZeroTier address.
  static let everyFlow = TrafficFlow.all.union([.boundIPv6])

  /// Whether traffic is answered when a scenario begins.
  enum Beginning { case flowing, blocked }

  /// Runs `body` under traffic and checks that nothing leaked, on any path, from its start to its end.
  func underTraffic(
    _ flows: Set<TrafficFlow> = Stage.everyFlow, from beginning: Beginning = .flowing,
    _ body: (Traffic) throws -> Void
  ) throws {
    try lab.resetLeaks()
    let traffic = try lab.startTraffic(flows, perSecond: 50)
    if beginning == .flowing { _ = try traffic.waitForAnswers(after: .now, within: .seconds(5)) }
    try body(traffic)
    let report = try traffic.stop()
    let leaks = try lab.leaks()
    #expect(leaks.total == 0, "\(leaks) of \(report)")
    #expect(flows.allSatisfy { report[$0].sent > 0 }, "\(report)")
  }

  /// No lookup with the egress IP as source ends at the uplink: what Cilium's BPF asks, and what the node's own
  /// sockets ask.
  func expectNoWayPast(_ cause: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    for destination in ["8.8.8.8", "1.1.1.1", Address.server, "200.1.2.3"] {
      for arrival in ["pod0", nil] {
        let answer = try lab.routeGet(destination, iif: arrival)
        #expect(
          answer != .interface("uplink0"), "\(cause): \(destination) from \(arrival ?? "the node")",
          sourceLocation: sourceLocation)
      }
    }
  }

  func counter(_ path: String..., of agent: AgentProcess? = nil) throws -> Int64 {
    var value = try (agent ?? gateway).status()
    for key in path { value = value?[key] }
    return value?.integer ?? -1
  }

  /// One of the gateway's metrics, whose configuration has to serve them at 127.0.0.1:9479.
  func metric(_ name: String) throws -> Int {
    let page = try lab.namespace(.gateway).execute(["curl", "-sf", "http://127.0.0.1:9479/metrics"]).output()
    let line = page.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
    return line?.split(separator: " ").last.flatMap { Int($0) } ?? -1
  }

  /// Packets that each guard of the agent's has dropped.
  func guardDrops(of agent: AgentProcess) throws -> [String: Int64] {
    let drops = try agent.status()?["guardDrops"]?.array ?? []
    return Dictionary(
      drops.compactMap { drop in drop["guard"]?.string.map { ($0, drop["packets"]?.integer ?? -1) } }
    ) { first, _ in first }
  }
}

/// The listing without what the sets of gateways hold: that is not the agent's, and grows with the traffic.
func withoutGateways(_ listing: String) -> String {
  listing.components(separatedBy: "\tset ").map { block in
    guard block.hasPrefix("gateways_"), let elements = block.range(of: "elements = {"),
      let end = block.range(of: "}", range: elements.upperBound..<block.endIndex)
    else { return block }
    let rest = block[end.upperBound...].drop { $0.isWhitespace }
    return block[..<elements.lowerBound].trimmingCharacters(in: .whitespaces) + "\t" + rest
  }.joined(separator: "\tset ")
}

/// Lines that only one of two texts has, for a message.
func difference(_ after: String, _ before: String) -> String {
  let (new, old) = (after.split(separator: "\n"), before.split(separator: "\n"))
  return
    (old.filter { !new.contains($0) }.map { "- \($0)" } + new.filter { !old.contains($0) }.map { "+ \($0)" })
    .joined(separator: "\n")
}
