import JSON
import Lab
import Testing

/// A lab with agents on its nodes, and what every scenario asks of it.
protocol Scene {
  var lab: Lab { get }
}

/// Whether traffic is answered when a scenario begins.
enum Beginning { case flowing, blocked }

extension Scene {
  /// Everything of the agent's on that node, as text that is the same when the state is.
  func state(of node: Node = .gateway) throws -> String {
    let namespace = try lab.namespace(node)
    let routes = try OwnedObject.routingTables.map { family, table in
      let listing = try Command(["ip", family, "-n", namespace.name, "route", "show", "table", table]).run()
        .stdout
      // The kernel orders routes of one prefix by age.
      return listing.split(separator: "\n").sorted().joined(separator: "\n")
    }
    let table = try contents(
      ofTable: namespace.execute(["nft", "-s", "list", "table", "inet", "liteboxd"]).run().stdout)
    let parameters = try OwnedObject.parameters(of: node, in: lab)
    let sysctls = try namespace.execute(["sysctl", "-e"] + parameters.map(\.name)).run().stdout
    return try (namespace.ruleListings() + routes + [table, sysctls]).joined(separator: "\n")
  }

  /// Waits until the node's state is that text again.
  func waitForState(_ wanted: String, of node: Node = .gateway, within limit: Duration = .seconds(3)) throws {
    let restored = try eventually(within: limit) { try state(of: node) == wanted ? true : nil }
    if restored == nil {
      let state = try state(of: node)
      #expect(state == wanted, "\(difference(state, wanted))")
    }
  }

  /// `plan` says that nothing is to be done.
  func expectInSync(_ agent: any RunningAgent, within limit: Duration) throws {
    let inSync = try eventually(within: limit) { try agent.run(["plan"]).status == .exited(0) ? true : nil }
    if inSync == nil {
      let plan = try agent.run(["plan"])
      #expect(plan.status == .exited(0), "\(plan.stdout)\(plan.stderr)\n\(agent.log)")
    }
  }

  /// Both paths with TCP, UDP and ICMP, and IPv6 from a socket bound to the node's ZeroTier address.
  static var everyFlow: Set<TrafficFlow> { TrafficFlow.all.union([.boundIPv6]) }

  /// Runs `body` under traffic and checks that nothing leaked, on any path, from its start to its end.
  func underTraffic(
    _ flows: Set<TrafficFlow> = Self.everyFlow, from beginning: Beginning = .flowing,
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
}
