import Glibc
import Lab
import Synchronization

/// One lab in which the agent of one node is killed after its first message to the kernel, then after its second, and
/// so on until it gets through.
final class CrashScene {
  private let scene: KernelScene
  private var lab: Lab { scene.lab }
  private var doing: CrashSituation.Doing { scene.doing }
  /// The guard was in after an earlier message.
  private var wasGuarded: Bool
  /// No lookup led to the uplink after an earlier message.
  private var isHeld = false
  private var outcome: CrashOutcome
  private var readdressed: ReaddressedLeaks?

  init(_ situation: CrashSituation) throws {
    scene = try KernelScene(situation)
    wasGuarded = situation.doing.isReload || situation.doing == .exitUse
    outcome = CrashOutcome(situation: situation)
    if situation.isReaddressed { readdressed = ReaddressedLeaks(scene) }
  }

  /// The whole series, under traffic.
  func run() throws -> CrashOutcome {
    try scene.prepare()
    let traffic = try lab.startTraffic(Stage.everyFlow, perSecond: 25)
    let moved = try readdressed?.startTraffic()
    var number = 1
    while try !getsThrough(killedAfter: number) { number += 1 }
    scene.expect(Stage.everyFlow, in: try traffic.stop())
    if let moved { scene.expect(ReaddressedLeaks.flows, in: try moved.stop()) }
    outcome.failures = scene.failures
    return outcome
  }

  // MARK: One run

  private func getsThrough(killedAfter fatal: Int) throws -> Bool {
    let agent = try scene.performer()
    try lab.resetLeaks()
    let trace = try NetlinkTrace(agent, through: NetlinkKill(after: fatal, each: countFromGuard()))
    let isThrough = try strike(agent, trace)
    if isThrough { outcome.messages = trace.changes }
    try trace.end(agent)
    let place = isThrough ? "got through" : "killed after message \(fatal)"
    let isGuarded = try expectGuarded(place)
    try recover(place)
    // By then the other egress IP is nobody's again.
    if isGuarded, !scene.situation.isReaddressed { try expectNoLeak("\(place), recovered") }
    if doing == .start { try scene.tearDown() }
    return isThrough
  }

  /// Until the agent's guard is in, a gateway is as open as it was; from then on all counts.
  private func countFromGuard() -> @Sendable (Int) throws -> Void {
    if let readdressed { return readdressed.countFromGuard() }
    guard doing == .start, scene.node == .gateway else { return { _ in } }
    let isIn = Mutex(false)
    return { [lab] _ in
      if isIn.withLock({ $0 }) { return }
      guard try lab.isGuarded(.gateway) else { return }
      isIn.withLock { $0 = true }
      try lab.resetLeaks()
    }
  }

  /// Has it do what it is killed at, and waits until it got through (true) or was killed.
  private func strike(_ agent: AgentProcess, _ trace: NetlinkTrace) throws -> Bool {
    var isAnswered = false
    switch doing {
    case .start, .teardown: break
    case .reload, .readdress:
      try agent.program.rewrite(configuration: scene.configurations.other)
      isAnswered = try agent.run(["reload"]).status == .exited(0)
    case .exitUse: isAnswered = try agent.run(["exit", "use", "cloud-b"]).status == .exited(0)
    }
    let end = try eventually(within: .seconds(15), step: .milliseconds(20)) { () -> Bool? in
      if trace.isOver { return false }
      switch doing {
      case .teardown: return nil
      case .exitUse: return isAnswered ? true : nil
      case .start: return try scene.state() == scene.states.usual ? true : nil
      case .reload, .readdress: return try isAnswered && scene.state() == scene.states.other ? true : nil
      }
    }
    guard let end else {
      try trace.end(agent)
      throw LabError("\(scene.situation)", "no end after 15 s:\n\(agent.log.suffix(3000))")
    }
    // What ends by itself says how.
    return doing == .teardown ? try agent.wait(within: .seconds(1)) == .exited(0) : end
  }

  /// The next ordinary start has to lead to what an undisturbed one does.
  private func recover(_ place: String) throws {
    let (configurations, states) = (scene.configurations, scene.states)
    if doing.isReload {
      scene.expect(try scene.start(configurations.other), states.other, place)
      try readdressed?.expectNoneOfNew("\(place), recovered")
    }
    scene.expect(
      try scene.start(configurations.usual), states.usual, doing.isReload ? "\(place), and back" : place)
  }

  // MARK: What has to hold

  /// Whether the guard is in: from one of a first start's messages on, and until the last of a teardown's.
  private func expectGuarded(_ place: String) throws -> Bool {
    guard try lab.isGuarded(scene.node) else {
      if wasGuarded, doing != .teardown { scene.failures.append("\(place): there is no guard") }
      if scene.node == .gateway {
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
    // A few packets of each flow.
    lab.letPass(.milliseconds(100))
    if let readdressed {
      outcome.leaksWithoutGuard += try readdressed.expectOneHeld(place)
      return true
    }
    if scene.node == .gateway, doing != .teardown { try expectNoWayPast(place) }
    try expectNoLeak(place)
    return true
  }

  private func expectNoLeak(_ place: String) throws {
    let leaks = try lab.leaks()
    if leaks.total > 0 { scene.failures.append("\(place): leaks: \(leaks)") }
  }

  /// In a first start the rules come one after the other; what is closed once stays closed.
  private func expectNoWayPast(_ place: String) throws {
    let ways = try scene.waysPast()
    if !ways.isEmpty, doing != .start || isHeld {
      scene.failures.append("\(place): \(ways.joined(separator: ", ")) lead to the uplink")
    }
    isHeld = isHeld || ways.isEmpty
  }
}
