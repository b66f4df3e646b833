import Foundation
import JSON
import Lab
import Testing

/// The package's root, wherever it was checked out.
private let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent()

/// Debian's network managers, for containers alone; `make setup` fetched them. Installed once, when a test first asks.
private let managers = Result {
  try ContainerImage(installing: packageRoot.appending(path: ".build/packages").path)
}

/// A lab in which one node is a machine with a systemd and network managers, and the agent on it runs as its units
/// start it. The agent on the other role is an ordinary process of the lab's.
final class ManagedStage: Scene {
  let lab: Lab
  let machine: Container
  /// The one on the machine.
  let agent: AgentUnit
  var node: Node { machine.node }
  let tunnel: String

  /// - Parameter files: of the machine's.
  init(_ node: Node, files: [ContainerFile] = []) throws {
    lab = try Lab()
    do {
      tunnel = try lab.zeroTier(node).device
      // Others' chains are looked for at each resync.
      var setup = try Container.Setup.agent(on: node, in: lab, units: Self.shipped("systemd")) {
        $0.replacingOccurrences(of: "resyncInterval: 5s", with: "resyncInterval: 1s")
      }
      setup.image = try managers.get()
      setup.files += files
      machine = try Container(on: node, in: lab, setup)
      agent = AgentUnit(in: machine)
      let other = try lab.startAgent(on: node == .gateway ? .cloudA : .gateway)
      try machine.boot()
      try agent.waitFor(phase: "ready", within: .seconds(20))
      try other.waitFor(phase: "ready", within: .seconds(20))
    } catch {
      lab.close()
      throw error
    }
  }

  deinit { lab.close() }

  static func shipped(_ path: String) -> String { packageRoot.appending(path: path).path }

  /// All of nftables that is neither the agent's nor the lab's own.
  func foreignRuleset() throws -> String {
    let tables = try machine.run("nft list tables").split(separator: "\n").map {
      $0.dropFirst("table ".count)
    }
    return try tables.filter { $0 != "inet liteboxd" && $0 != "ip cilium_stand_in" }
      .map { try machine.run("nft -s list table \($0)") }.joined()
  }

  /// The control: the same streams reach the uplink once nothing of the agent's is left.
  func expectLeaksWithoutAgent() throws {
    try machine.run("systemctl stop liteboxd-agent.service")
    try machine.run("liteboxd-agent teardown --yes")
    try lab.resetLeaks()
    let traffic = try lab.startTraffic(Self.everyFlow)
    let leaks = try eventually(within: .seconds(5)) { try lab.leaks().total > 0 ? true : nil }
    let report = try traffic.stop()
    #expect(leaks == true, "\(report)")
  }

  /// What the kernel announced of the agent's rules and of its tables' routes being taken away.
  func losses(_ watch: KernelWatch, since start: Moment) -> [KernelEvent] {
    watch.events(since: start).filter { event in
      guard event.change == .deleted else { return false }
      return event.object == .rule
        || event.route.map { OwnedObject.tables.contains("\($0.table)") } ?? false
    }
  }
}
