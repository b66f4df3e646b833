import JSON

/// Something that an administrator or another program does to the agent's kernel state.
struct Damage: Sendable {
  let node: Node
  let title: String
  /// What the kernel announces when it is undone.
  let object: KernelEvent.Object
  /// The command, after `ip netns exec`.
  let command: [String]

  static let all = [
    Damage(
      node: .gateway, title: "ip rule del priority 150", object: .rule,
      command: ["ip", "rule", "del", "priority", "150"]),
    Damage(
      node: .gateway, title: "ip route flush table 100", object: .route,
      command: ["ip", "route", "flush", "table", "100"]),
    Damage(
      node: .gateway, title: "nft flush ruleset", object: .nftables, command: ["nft", "flush", "ruleset"]),
    Damage(
      node: .cloudA, title: "nft flush ruleset", object: .nftables, command: ["nft", "flush", "ruleset"]),
  ]

  /// How a repair went.
  struct Repair {
    let isComplete: Bool
    let words: String
  }

  /// Does it and waits until the kernel's state is what it was.
  func strike(_ lab: Lab, _ agent: AgentProcess) throws -> Repair {
    let before = try lab.agentState(of: node)
    let watch = try KernelWatch(node, in: lab)
    let start = Moment.now
    try lab.namespace(node).execute(command).output()
    let restored = try eventually(within: .seconds(5)) { try lab.agentState(of: node) == before ? true : nil }
    try watch.stop()
    guard restored != nil else {
      return Repair(isComplete: false, words: "not repaired after 5 s:\n\(try lab.agentState(of: node))")
    }
    let own = try agent.status()?["drift"]?["lastRepairSeconds"]?.number
    let said = own.map { ", the agent says \(milliseconds(.nanoseconds(Int64($0 * 1e9))))" } ?? ""
    guard let time = watch.repairTime(since: start, of: object) else {
      return Repair(isComplete: true, words: "without effect, the agent's table is its own")
    }
    return Repair(isComplete: true, words: "repaired in \(milliseconds(time)) as the kernel saw it\(said)")
  }
}

/// Whether a listing shows what changes by itself.
enum RulesetListing { case withCounters, stateless }

extension Lab {
  /// What `nft list ruleset` prints, without the table that stands in for Cilium.
  func ruleset(of node: Node, _ listing: RulesetListing) throws -> String {
    let namespace = try namespace(node)
    let tables = try namespace.nft("list", "tables").split(separator: "\n")
    return try tables.filter { !$0.contains("cilium_stand_in") }.map { table in
      let words = table.split(separator: " ").map(String.init)
      let flags = listing == .stateless ? ["-s"] : []
      return try namespace.execute(["nft"] + flags + ["list"] + words).output()
    }.joined()
  }

  /// Everything on that node that the agent could own, as text that is the same when the state is.
  func agentState(of node: Node) throws -> String {
    let namespace = try namespace(node)
    let routes = try ["100", "101"].map { table in
      try Command(["ip", "-n", namespace.name, "route", "show", "table", table]).run().stdout
    }
    return try ([namespace.ip("rule show")] + routes + [ruleset(of: node, .stateless)]).joined(
      separator: "\n")
  }
}
