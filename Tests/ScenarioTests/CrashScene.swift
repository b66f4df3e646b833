import Glibc
import JSON
import Lab
import Synchronization

/// One lab in which the agent of one node is killed after its first message to the kernel, then after its second, and
/// so on until it gets through.
final class CrashScene {
  let lab: Lab
  private let node: Node
  private let doing: CrashSituation.Doing
  private let configurations: (usual: String, other: String)
  /// What the node shows without the agent, and after an undisturbed start with each configuration.
  private var untouched = ""
  private var states = (usual: "", other: "")
  /// The agent that runs on the node, undisturbed.
  private var running: AgentProcess?
  /// The guard was in after an earlier message.
  private var wasGuarded: Bool
  /// No lookup led to the uplink after an earlier message.
  private var isHeld = false
  private var outcome: CrashOutcome

  init(_ situation: CrashSituation) throws {
    node = situation.node
    doing = situation.doing
    wasGuarded = situation.doing == .reload || situation.doing == .exitUse
    outcome = CrashOutcome(situation: situation)
    lab = try Lab(.init(clouds: situation.node == .gateway ? .two : .one))
    configurations = try situation.configurations(in: lab)
  }

  deinit { lab.close() }

  /// The whole series, under traffic.
  func run() throws -> CrashOutcome {
    for other in [Node.gateway] + lab.clouds where other != node {
      try lab.startAgent(on: other).waitForStatus("a start", within: .seconds(10)) {
        $0["phase"] != "starting"
      }
    }
    untouched = try lab.namespace(node).hostListing()
    if doing == .reload {
      states.other = try start(configurations.other)
      try tearDown()
    }
    states.usual = try start(configurations.usual)
    if doing == .start { try tearDown() }
    let traffic = try lab.startTraffic(Stage.everyFlow, perSecond: 25)
    var number = 1
    while try !getsThrough(killedAfter: number) { number += 1 }
    let report = try traffic.stop()
    if !Stage.everyFlow.allSatisfy({ report[$0].sent > 0 }) {
      outcome.failures.append("no traffic: \(report)")
    }
    return outcome
  }

  /// An undisturbed start; the state that it leads to.
  private func start(_ configuration: String) throws -> String {
    running?.kill()
    let agent = try lab.startAgent(on: node, configuration: configuration)
    running = agent
    try agent.waitForStatus("its traffic", within: .seconds(15)) { status in
      status["phase"] == "ready" && (node != .gateway || status["exits"]?.array?.first?["active"] == true)
    }
    let inSync = try eventually(within: .seconds(5)) {
      try agent.run(["plan"]).status == .exited(0) ? true : nil
    }
    if inSync == nil { throw LabError("starting undisturbed", "never in sync:\n\(agent.log.suffix(3000))") }
    return try state()
  }

  /// Ends the agent and removes all that it owns: nothing of it may be left.
  private func tearDown() throws {
    running?.kill()
    running = nil
    let result = try lab.agentProgram(on: node, configuration: configurations.usual).run([
      "teardown", "--yes",
    ])
    guard result.status == .exited(0) else { throw LabError("tearing down", "\(result)") }
    let left = try lab.namespace(node).hostListing()
    if left != untouched { outcome.failures.append("left by a teardown: \(difference(left, untouched))") }
  }

  // MARK: One run

  private func getsThrough(killedAfter fatal: Int) throws -> Bool {
    let agent = try victim()
    try lab.resetLeaks()
    let trace = try NetlinkTrace(agent, through: NetlinkKill(after: fatal, each: countFromGuard()))
    let isThrough = try strike(agent, trace)
    if isThrough { outcome.messages = trace.changes }
    try trace.end(agent)
    let place = isThrough ? "got through" : "killed after message \(fatal)"
    let isGuarded = try expectGuarded(place)
    try recover(place)
    if isGuarded { try expectNoLeak("\(place), recovered") }
    if doing == .start { try tearDown() }
    return isThrough
  }

  /// Until the agent's guard is in, a gateway is as open as it was; from then on all counts.
  private func countFromGuard() -> @Sendable (Int) throws -> Void {
    guard doing == .start, node == .gateway else { return { _ in } }
    let isIn = Mutex(false)
    return { [lab] _ in
      if isIn.withLock({ $0 }) { return }
      guard try lab.isGuarded(.gateway) else { return }
      isIn.withLock { $0 = true }
      try lab.resetLeaks()
    }
  }

  /// The process that is going to be killed, before it does what it is killed at.
  private func victim() throws -> AgentProcess {
    switch doing {
    case .start:
      return try lab.startStopped(["run"], on: node)
    case .teardown:
      running?.kill()
      return try lab.startStopped(["teardown", "--yes"], on: node)
    case .reload, .exitUse:
      guard let running else { throw LabError("killing the agent on \(node)", "none runs") }
      return running
    }
  }

  /// Has it do that, and waits until it got through (true) or was killed at it.
  private func strike(_ agent: AgentProcess, _ trace: NetlinkTrace) throws -> Bool {
    var isAnswered = false
    switch doing {
    case .start, .teardown: break
    case .reload:
      try agent.program.rewrite(configuration: configurations.other)
      isAnswered = try agent.run(["reload"]).status == .exited(0)
    case .exitUse: isAnswered = try agent.run(["exit", "use", "cloud-b"]).status == .exited(0)
    }
    let end = try eventually(within: .seconds(15), step: .milliseconds(20)) { () -> Bool? in
      if trace.isOver { return false }
      switch doing {
      case .teardown: return nil
      case .exitUse: return isAnswered ? true : nil
      case .start: return try state() == states.usual ? true : nil
      case .reload: return try isAnswered && state() == states.other ? true : nil
      }
    }
    guard let end else {
      try trace.end(agent)
      throw LabError("\(doing.rawValue) on \(node)", "no end after 15 s:\n\(agent.log.suffix(3000))")
    }
    // What ends by itself says how.
    return doing == .teardown ? try agent.wait(within: .seconds(1)) == .exited(0) : end
  }

  /// The next ordinary start has to lead to what an undisturbed one does.
  private func recover(_ place: String) throws {
    let other = doing == .reload
    try expect(
      start(other ? configurations.other : configurations.usual), other ? states.other : states.usual, place)
    if doing == .reload { try expect(start(configurations.usual), states.usual, "\(place), and back") }
  }

  // MARK: What has to hold

  private func expect(_ state: String, _ wanted: String, _ place: String) throws {
    guard state != wanted else { return }
    outcome.failures.append("\(place): \(difference(state, wanted))")
  }

  /// Whether the guard is in: from one of a first start's messages on, and until the last of a teardown's.
  private func expectGuarded(_ place: String) throws -> Bool {
    guard try lab.isGuarded(node) else {
      if wasGuarded, doing != .teardown { outcome.failures.append("\(place): there is no guard") }
      if node == .gateway {
        let leaks = try eventually(within: .seconds(3)) {
          let leaks = try lab.leaks().total
          return leaks > 0 ? leaks : nil
        }
        outcome.leaksWithoutGuard = leaks ?? 0
      } else {
        // It forwards for the agent alone, so without the agent not at all.
        lab.letPass(.milliseconds(100))
        try expectNoLeak(place)
      }
      return false
    }
    wasGuarded = true
    if node == .gateway, doing != .teardown { try expectNoWayPast(place) }
    // A few packets of each flow.
    lab.letPass(.milliseconds(100))
    try expectNoLeak(place)
    return true
  }

  private func expectNoLeak(_ place: String) throws {
    let leaks = try lab.leaks()
    if leaks.total > 0 { outcome.failures.append("\(place): leaks: \(leaks)") }
  }

  /// In a first start the rules come one after the other; what is closed once stays closed.
  private func expectNoWayPast(_ place: String) throws {
    var isHeldNow = true
    for (destination, arrival) in [("8.8.8.8", "pod0"), (Address.server, nil), ("200.1.2.3", "pod0")] {
      guard try lab.routeGet(destination, iif: arrival) == .interface("uplink0") else { continue }
      isHeldNow = false
      if doing != .start || isHeld { outcome.failures.append("\(place): \(destination) leads to the uplink") }
    }
    isHeld = isHeld || isHeldNow
  }

  /// All of the agent's, in whatever table, as text that is the same when the state is.
  private func state() throws -> String {
    let namespace = try lab.namespace(node)
    let routes = try ["-4", "-6"].map { family in
      let command = namespace.execute(["ip", family, "route", "show", "table", "all", "proto", "147"])
      return try command.run().stdout.split(separator: "\n").sorted().joined(separator: "\n")
    }
    // Who holds the table is shown in its first lines, and changes with each start.
    let listing = try namespace.execute(["nft", "-s", "list", "table", "inet", "liteboxd"]).run().stdout
    let table = withoutGateways(listing).split(separator: "\n")
      .filter { !$0.hasPrefix("table ") && !$0.hasPrefix("\tflags ") }.joined(separator: "\n")
    let parameters = try OwnedObject.parameters(of: node, in: lab).map(\.name)
    let sysctls = try namespace.execute(["sysctl", "-e"] + parameters).run().stdout
    return try ([namespace.ip("rule show"), namespace.ip("-6 rule show")] + routes + [table, sysctls])
      .joined(separator: "\n")
  }
}

extension Lab {
  /// Whether the agent's nftables table is there.
  fileprivate func isGuarded(_ node: Node) throws -> Bool {
    try namespace(node).execute(["nft", "list", "table", "inet", "liteboxd"]).run().status == .exited(0)
  }
}
