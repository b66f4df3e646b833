import Glibc

/// The product shown from end to end, on a machine with nothing but this package: what the plan promises, each
/// promise checked, with the times and packets that it took.
public struct Demo {
  /// Statements that did not hold.
  private var broken: [String] = []
  private var held = 0

  let agent: String?

  private init(agent: String?) { self.agent = agent }

  /// 0 if every statement held, 1 if one did not or something could not be done. `agent` is the program to show.
  public static func run(agent: String?) -> Int32 {
    var demo = Demo(agent: agent)
    do { try demo.showAll() } catch {
      say("\nThe demo broke off: \(error)")
      return 1
    }
    guard demo.broken.isEmpty else {
      say("\n\(demo.broken.count) of \(demo.held + demo.broken.count) statements did not hold:")
      for statement in demo.broken { say("  - \(statement)") }
      return 1
    }
    say("\nAll \(demo.held) statements held.")
    return 0
  }

  private mutating func showAll() throws {
    let lab = try Lab(.init(agent: agent))
    defer { lab.close() }
    title("A lab of network namespaces")
    Demo.say(
      """
        pod \(Address.pod) -> gateway \(Address.egress) -> ZeroTier -> cloud server \(Node.cloudA.publicAddress ?? "") -> Internet
        namespaces \(lab.name)-*, files in \(lab.directory)
      """)
    let agents = try startAgents(in: lab)
    try showRequest(in: lab)
    try showState(of: lab)
    try showRepairs(in: lab, agents)
    try showTunnelLoss(in: lab, agents.gateway)
    try showStatus(of: agents)
    try showExits()
    try showControl()
  }

  func title(_ text: String) { Demo.say("\n== \(text)") }

  /// At once, also into a pipe: who watches wants to see how far it is.
  static func say(_ text: String) {
    print(text)
    fflush(nil)
  }

  mutating func check(_ statement: String, _ holds: Bool) {
    Demo.say("  [\(holds ? "ok" : "NO")] \(statement)")
    if holds { held += 1 } else { broken.append(statement) }
  }

  private typealias Agents = (gateway: AgentProcess, cloud: AgentProcess)

  private mutating func startAgents(in lab: Lab) throws -> Agents {
    title("The agents start")
    let start = Moment.now
    let cloud = try lab.startAgent(on: .cloudA)
    let gateway = try lab.startAgent(on: .gateway)
    try cloud.waitFor(phase: "ready", within: .seconds(15))
    try gateway.waitFor(phase: "ready", within: .seconds(15))
    check("both are ready after \(milliseconds(.now - start))", true)
    return (gateway, cloud)
  }

  private mutating func showRequest(in lab: Lab) throws {
    title("The pod asks the Internet which address it sees")
    let seen = try lab.fetch(from: .pod).get()
    check(
      "the request arrived from \(seen), the cloud server's public address", seen == Node.cloudA.publicAddress
    )
    let own = try lab.fetch(from: .pod, host: Address.excludedServer).get()
    check("an excluded destination was reached by the node's own network", own == Address.pod)
  }

  private func showState(of lab: Lab) throws {
    let gateway = try lab.namespace(.gateway)
    title("The gateway, as ip and nft print it")
    for line in ["rule show", "route show table 100", "route show table 101"] {
      Demo.say("$ ip \(line)\n\(try gateway.ip(line))")
    }
    Demo.say(
      "$ nft list ruleset   (without the stand-in for Cilium)\n\(try lab.ruleset(of: .gateway, .withCounters))"
    )
    title("The cloud server")
    Demo.say("$ nft list ruleset\n\(try lab.ruleset(of: .cloudA, .withCounters))")
    Demo.say("$ sysctl net.ipv4.ip_forward\n\(try lab.namespace(.cloudA).sysctl("net.ipv4.ip_forward"))")
  }

  private mutating func showRepairs(in lab: Lab, _ agents: Agents) throws {
    title("Someone changes the kernel")
    for damage in Damage.all {
      let agent = damage.node == .gateway ? agents.gateway : agents.cloud
      let repair = try damage.strike(lab, agent)
      check("\(damage.node): \(damage.title): \(repair.words)", repair.isComplete)
      try lab.restoreCiliumStandIn()
    }
    check("the pod's request still arrives", (try? lab.fetch(from: .pod).get()) == Node.cloudA.publicAddress)
    let leaks = try lab.leaks()
    check("\(leaks) packets leaked meanwhile", leaks.total == 0)
  }

  private mutating func showTunnelLoss(in lab: Lab, _ agent: AgentProcess) throws {
    title("The tunnel's link is deleted under traffic")
    try lab.resetLeaks()
    let traffic = try lab.startTraffic()
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    try lab.zeroTier(.gateway).tell(.linkDelete)
    let request = lab.fetch(from: .pod, within: .seconds(1))
    check("the same request fails: \(request.failureText)", (try? request.get()) == nil)
    try agent.waitFor(phase: "blocked", within: .seconds(5))
    lab.letPass(.seconds(2))
    let sent = traffic.report.sent
    let leaks = try lab.leaks()
    check(
      "leaked \(leaks.total) of \(sent) packets (TCP, UDP and ICMP, from the pod and from the node)",
      leaks.total == 0)
    title("ZeroTier comes back")
    try lab.zeroTier(.gateway).restart()
    let back = try traffic.waitForAnswers(after: .now, within: .seconds(10))
    check("all traffic flows again \(milliseconds(back)) after its link was complete", true)
    try agent.waitFor(phase: "ready", within: .seconds(10))
    lab.letPass(.seconds(1))
    let report = try traffic.stop()
    check("still 0 of \(report.sent) packets leaked", try lab.leaks().total == 0)
    check("the request arrives again", (try? lab.fetch(from: .pod).get()) == Node.cloudA.publicAddress)
  }

  private mutating func showStatus(of agents: Agents) throws {
    for agent in [agents.gateway, agents.cloud] {
      title("liteboxd-agent status on \(agent.node)")
      let result = try agent.run(["status"])
      Demo.say(result.stdout)
      check("\(agent.node) is ready", result.status == .exited(0))
    }
  }

  private mutating func showControl() throws {
    title("The control: the same without protection, by the plan's manual steps")
    let lab = try Lab()
    defer { lab.close() }
    try lab.followPlanByHand()
    let traffic = try lab.startTraffic()
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    check("nothing leaks while the tunnel stands", try lab.leaks().total == 0)
    try lab.zeroTier(.gateway).tell(.linkDelete)
    lab.letPass(.seconds(3))
    let report = try traffic.stop()
    let leaks = try lab.leaks()
    check(
      "without it, \(leaks) of \(report.sent) packets leaked: the counters count",
      min(leaks.tcp, leaks.udp, leaks.icmp) > 0)
  }
}

func milliseconds(_ time: Duration) -> String {
  let hundredths = (time.nanoseconds + 5_000) / 10_000
  let fraction = hundredths % 100
  return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) ms"
}

extension Result where Failure == LabError {
  /// Why it failed, or what came instead.
  fileprivate var failureText: String {
    switch self {
    case .success(let value): "it got \(value)"
    case .failure(let error): error.description
    }
  }
}
