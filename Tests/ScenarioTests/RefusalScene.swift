import Glibc
import Lab
import Synchronization

/// One lab in which the kernel disappoints the agent of one node at one change after the other, and the agent has to
/// get through all the same.
final class RefusalScene {
  private let scene: KernelScene
  private var lab: Lab { scene.lab }
  private var doing: CrashSituation.Doing { scene.doing }
  private let rotation: Int
  private let faults: NetlinkFaults
  private let witness: RefusalWitness
  /// Of the agent that goes on from one run to the next.
  private var lasting: (agent: AgentProcess, trace: NetlinkTrace)?
  private var pinned = ""
  private var outcome: RefusalOutcome

  /// - Parameter rotation: which fault begins.
  init(_ situation: CrashSituation, rotation: Int) throws {
    scene = try KernelScene(situation)
    self.rotation = rotation
    let witness = RefusalWitness(scene)
    self.witness = witness
    faults = NetlinkFaults { try witness.look($0, $1) }
    outcome = RefusalOutcome(situation: situation)
  }

  /// The whole series, under traffic: each change and each fault at least once.
  func run() throws -> RefusalOutcome {
    try scene.prepare()
    if doing.isReload || doing == .exitUse {
      let agent = try scene.performer()
      lasting = (agent, try NetlinkTrace(agent, through: faults))
    }
    let traffic = try lab.startTraffic(Stage.everyFlow, perSecond: 25)
    let all = KernelFault.all
    outcome.changes = try run(.none, all[0], "undisturbed")
    for number in 0..<max(outcome.changes, all.count) {
      let (change, fault) = (number % outcome.changes + 1, all[(number + rotation) % all.count])
      _ = try run(.change(change), fault, "change \(change) \(fault), rotation \(rotation)")
    }
    scene.expect(Stage.everyFlow, in: try traffic.stop())
    if let lasting { try lasting.trace.end(lasting.agent) }
    outcome.failures = scene.failures + witness.failures
    return outcome
  }

  /// Does it once, and everything that has to hold then. Hands back how many changes that were.
  private func run(_ target: NetlinkFaults.Target, _ fault: KernelFault, _ place: String) throws -> Int {
    let agent = try lasting?.agent ?? scene.performer()
    witness.begin(place)
    try lab.resetLeaks()
    let told = agent.log.utf8.count
    faults.strike(target, with: fault)
    let trace = try lasting?.trace ?? NetlinkTrace(agent, through: faults)
    let before = trace.requests.count
    try getThrough(agent, trace, place)
    faults.relent()
    if let struck = faults.struck.first {
      outcome.faults.insert(fault)
      expectTold(fault, struck, place) { String(agent.log.utf8.dropFirst(told)) ?? "" }
    }
    let requests = Array(trace.requests.dropFirst(before))
    if let struck = faults.struck.first {
      if doing != .teardown { expectReadAgain(struck, requests, place) }
    }
    try expectNoLeak(place)
    try goBack(agent, trace, place)
    return requests.count { $0.purpose == .change }
  }

  // MARK: Getting through

  private func getThrough(_ agent: AgentProcess, _ trace: NetlinkTrace, _ place: String) throws {
    switch doing {
    case .start: try expect(scene.states.usual, agent, trace, place)
    case .reload, .readdress:
      try agent.program.rewrite(configuration: scene.configurations.other)
      _ = try agent.run(["reload"])
      try expect(scene.states.other, agent, trace, place)
    case .exitUse:
      _ = try agent.run(["exit", "use", "cloud-b"])
      if pinned.isEmpty { pinned = try settledSwitch() }
      try expect(pinned, agent, trace, place)
    case .teardown:
      if eventually(within: .seconds(15), { trace.isOver ? true : nil }) == nil {
        scene.failures.append("\(place): no end after 15 s")
        return
      }
      try expectHonest(agent.wait(within: .seconds(1)), place)
    }
  }

  /// What an undisturbed switch leads to.
  private func settledSwitch() throws -> String {
    let state = try eventually(within: .seconds(5)) { () -> String? in
      let state = try scene.state()
      return state == scene.states.usual ? nil : state
    }
    return try state ?? scene.state()
  }

  /// The agent gets there by itself.
  private func expect(_ state: String, _ agent: AgentProcess, _ trace: NetlinkTrace, _ place: String) throws {
    let isThere = try eventually(within: .seconds(15), step: .milliseconds(20)) {
      try trace.isOver || scene.state() == state ? true : nil
    }
    if trace.isOver || isThere == nil {
      let what = trace.isOver ? "ended" : "is not there after 15 s"
      scene.failures.append("\(place): the agent \(what):\n\(agent.log.suffix(2000))")
      scene.expect(try scene.state(), state, place)
    }
  }

  /// A teardown that says that all is gone has removed all.
  private func expectHonest(_ status: ExitStatus, _ place: String) throws {
    let isGone = try lab.namespace(scene.node).hostListing() == scene.untouched
    if (status == .exited(0)) != isGone, status != .exited(1) {
      scene.failures.append("\(place): \(status), all gone: \(isGone)")
    }
  }

  /// To where the next run begins.
  private func goBack(_ agent: AgentProcess, _ trace: NetlinkTrace, _ place: String) throws {
    switch doing {
    case .start:
      try trace.end(agent)
      try scene.tearDown()
      try noteLeaksWithoutGuard()
    case .reload, .readdress:
      try agent.program.rewrite(configuration: scene.configurations.usual)
      _ = try agent.run(["reload"])
      try expect(scene.states.usual, agent, trace, "\(place), and back")
    case .exitUse:
      _ = try agent.run(["exit", "use", "auto"])
      try expect(scene.states.usual, agent, trace, "\(place), and back")
    case .teardown:
      try trace.end(agent)
      try scene.tearDown()
      try noteLeaksWithoutGuard()
      scene.expect(try scene.start(scene.configurations.usual), scene.states.usual, "\(place), and again")
    }
  }

  // MARK: What has to hold

  private func expectNoLeak(_ place: String) throws {
    // A gateway whose guard was removed is open, as it was asked to be.
    if doing == .teardown, scene.node == .gateway, try !lab.isGuarded(.gateway) { return }
    let leaks = try lab.leaks()
    if leaks.total > 0 { scene.failures.append("\(place): leaks: \(leaks)") }
    guard scene.node == .gateway, doing != .teardown else { return }
    let ways = try scene.waysPast()
    if !ways.isEmpty { scene.failures.append("\(place): \(ways) lead to the uplink") }
  }

  private func noteLeaksWithoutGuard() throws {
    guard outcome.leaksWithoutGuard == 0, scene.node == .gateway else { return }
    outcome.leaksWithoutGuard =
      try eventually(within: .seconds(3)) {
        let leaks = try lab.leaks().total
        return leaks > 0 ? leaks : nil
      } ?? 0
  }

  private func expectTold(
    _ fault: KernelFault, _ struck: KernelRequest, _ place: String, _ log: () -> String
  ) {
    // What is said to be gone is taken for gone, until the kernel is read again.
    guard !struck.isAnsweredGone(by: fault) else { return }
    // The kernel may be as wanted while an answer that was lost is still waited for.
    let told = eventually(within: .seconds(5)) { log().contains(fault.words) ? true : nil }
    if told == nil {
      scene.failures.append("\(place): nobody is told \"\(fault.words)\":\n\(log().suffix(1500))")
    }
  }

  /// Between what failed and the next of its kind is a dump of what it concerns.
  private func expectReadAgain(_ struck: KernelRequest, _ requests: [KernelRequest], _ place: String) {
    guard let first = requests.firstIndex(of: struck), let dump = struck.dumpType, !struck.isTrial else {
      return
    }
    let rest = requests[(first + 1)...]
    let again = rest.firstIndex { $0.repeats(struck) } ?? rest.endIndex
    if !rest[..<again].contains(where: { $0.purpose == .question && $0.type == dump }) {
      scene.failures.append("\(place): tried again without reading again")
    }
  }
}
