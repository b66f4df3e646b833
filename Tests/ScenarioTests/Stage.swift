import Glibc
import JSON
import Lab
import Testing

/// A lab with an agent on the gateway and on the cloud server, both ready.
final class Stage {
  let lab: Lab
  let gateway: AgentProcess
  let cloud: AgentProcess

  init(clouds: CloudServers = .one) throws {
    lab = try Lab(.init(clouds: clouds))
    do {
      cloud = try lab.startAgent(on: .cloudA)
      if clouds == .two { try lab.startAgent(on: .cloudB).waitFor(phase: "ready", within: .seconds(10)) }
      gateway = try lab.startAgent(on: .gateway)
      try cloud.waitFor(phase: "ready", within: .seconds(10))
      try gateway.waitFor(phase: "ready", within: .seconds(10))
    } catch {
      lab.close()
      throw error
    }
  }

  deinit { lab.close() }

  /// Everything of the agent's on that node, as text that is the same when the state is.
  func state(of node: Node = .gateway) throws -> String {
    let namespace = try lab.namespace(node)
    let routes = try ["100", "101"].map { table in
      let listing = try Command(["ip", "-n", namespace.name, "route", "show", "table", table]).run().stdout
      // The kernel orders routes of one prefix by age.
      return listing.split(separator: "\n").sorted().joined(separator: "\n")
    }
    // Who holds the table is shown in its first lines, and changes with each start.
    let table = try namespace.execute(["nft", "-s", "list", "table", "inet", "liteboxd"]).run().stdout
      .split(separator: "\n").filter { !$0.hasPrefix("table ") && !$0.hasPrefix("\tflags ") }
      .joined(separator: "\n")
    return try ([namespace.ip("rule show")] + routes + [table]).joined(separator: "\n")
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

  /// Runs `body` under traffic of every kind on both paths and checks that nothing leaked.
  func underTraffic(_ body: (Traffic) throws -> Void) throws {
    try lab.resetLeaks()
    let traffic = try lab.startTraffic(perSecond: 50)
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    try body(traffic)
    let report = try traffic.stop()
    let leaks = try lab.leaks()
    #expect(leaks.total == 0, "\(leaks) of \(report)")
  }
}

/// Lines that only one of two texts has, for a message.
func difference(_ after: String, _ before: String) -> String {
  let (new, old) = (after.split(separator: "\n"), before.split(separator: "\n"))
  return
    (old.filter { !new.contains($0) }.map { "- \($0)" } + new.filter { !old.contains($0) }.map { "+ \($0)" })
    .joined(separator: "\n")
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
}
