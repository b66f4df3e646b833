import Glibc
import Lab

/// One lab in which the agent of one node does the same thing again and again, while what it tells the kernel is
/// watched or disturbed, and what its state has to be afterwards.
final class KernelScene {
  let lab: Lab
  let situation: CrashSituation
  let configurations: (usual: String, other: String)
  /// What the node shows without the agent, and after an undisturbed start with each configuration.
  private(set) var untouched = ""
  private(set) var states = (usual: "", other: "")
  /// The agent that runs on the node, undisturbed.
  private(set) var running: AgentProcess?
  /// What went wrong, in words.
  var failures: [String] = []

  var node: Node { situation.node }
  var doing: CrashSituation.Doing { situation.doing }

  init(_ situation: CrashSituation) throws {
    self.situation = situation
    lab = try Lab(.init(clouds: situation.node == .gateway ? .two : .one))
    configurations = try situation.configurations(in: lab)
  }

  deinit { lab.close() }

  /// Starts the other nodes' agents and learns what undisturbed starts lead to.
  func prepare() throws {
    for other in [Node.gateway] + lab.clouds where other != node {
      try lab.startAgent(on: other).waitForStatus("a start", within: .seconds(10)) {
        $0["phase"] != "starting"
      }
    }
    if situation.isReaddressed {
      try lab.namespace(node).ip("addr add \(Address.otherEgress)/24 dev \(lab.zeroTier(node).device)")
    }
    untouched = try lab.namespace(node).hostListing()
    if doing.isReload {
      states.other = try start(configurations.other)
      try tearDown()
    }
    states.usual = try start(configurations.usual)
    if doing == .start { try tearDown() }
  }

  /// Whether `flows` were sent.
  func expect(_ flows: Set<TrafficFlow>, in report: TrafficReport) {
    if !flows.allSatisfy({ report[$0].sent > 0 }) { failures.append("no traffic: \(report)") }
  }

  /// An undisturbed start; the state that it leads to.
  func start(_ configuration: String) throws -> String {
    running?.kill()
    let agent = try lab.startAgent(on: node, configuration: configuration)
    running = agent
    try agent.waitForStatus("its traffic", within: .seconds(15)) { status in
      try agent.phase(of: status) == "ready"
        && (node != .gateway || status["exits"]?.array?.first?["active"] == true)
    }
    let inSync = try eventually(within: .seconds(5)) {
      try agent.run(["plan"]).status == .exited(0) ? true : nil
    }
    if inSync == nil { throw LabError("starting undisturbed", "never in sync:\n\(agent.log.suffix(3000))") }
    return try state()
  }

  /// Ends the agent and removes all that it owns: nothing of it may be left.
  func tearDown() throws {
    running?.kill()
    running = nil
    let result = try lab.agentProgram(on: node, configuration: configurations.usual).run([
      "teardown", "--yes",
    ])
    guard result.status == .exited(0) else { throw LabError("tearing down", "\(result)") }
    let left = try lab.namespace(node).hostListing()
    if left != untouched { failures.append("left by a teardown: \(difference(left, untouched))") }
  }

  /// The agent that does what the situation is about, before it does it. What runs only once waits for its tracer.
  func performer() throws -> AgentProcess {
    switch doing {
    case .start:
      return try lab.startStopped(["run"], on: node)
    case .teardown:
      running?.kill()
      return try lab.startStopped(["teardown", "--yes"], on: node)
    case .reload, .readdress, .exitUse:
      guard let running else { throw LabError("disturbing the agent on \(node)", "none runs") }
      return running
    }
  }

  // MARK: What has to hold

  func expect(_ state: String, _ wanted: String, _ place: String) {
    guard state != wanted else { return }
    failures.append("\(place): \(difference(state, wanted))")
  }

  /// Destinations to which a lookup with the egress IP as source leads past the tunnel.
  func waysPast(from source: String = Address.egress) throws -> [String] {
    try [("8.8.8.8", "pod0"), (Address.server, nil), ("200.1.2.3", "pod0")].filter {
      try lab.routeGet($0.0, from: source, iif: $0.1) == .interface("uplink0")
    }.map(\.0)
  }

  /// All of the agent's, in whatever table, as text that is the same when the state is.
  func state() throws -> String {
    let namespace = try lab.namespace(node)
    let routes = try ["-4", "-6"].map { family in
      let command = namespace.execute(["ip", family, "route", "show", "table", "all", "proto", "147"])
      return try command.run().stdout.split(separator: "\n").sorted().joined(separator: "\n")
    }
    let parameters = try OwnedObject.parameters(of: node, in: lab).map(\.name)
    let sysctls = try namespace.execute(["sysctl", "-e"] + parameters).run().stdout
    return try (namespace.ruleListings() + routes + [table(), sysctls])
      .joined(separator: "\n")
  }

  /// The agent's nftables table as text; empty without it.
  func table() throws -> String {
    let listing = try lab.namespace(node).execute(["nft", "-s", "list", "table", "inet", "liteboxd"]).run()
    return contents(ofTable: listing.stdout)
  }
}
