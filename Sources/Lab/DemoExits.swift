extension Demo {
  /// Two cloud servers: what becomes of traffic when one of them is dead, and when a person moves it.
  mutating func showExits() throws {
    title("Two exits: one dies in silence, with its link up and ZeroTier saying OK")
    let lab = try Lab(.init(clouds: .two, agent: agent))
    defer { lab.close() }
    for cloud in lab.clouds { try lab.startAgent(on: cloud).waitFor(phase: "ready", within: .seconds(15)) }
    let configuration = try lab.configuration(for: .gateway).replacing(
      "failbackAfter: 2s", with: "failbackAfter: 2s\n    through: [tcp://1.1.1.1:443, tcp://8.8.8.8:443]")
    let gateway = try lab.startAgent(on: .gateway, configuration: configuration)
    try gateway.waitFor(phase: "ready", within: .seconds(15))
    try gateway.waitForHealthy(.cloudB)
    try lab.resetLeaks()
    let traffic = try lab.startTraffic()
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    let watch = try KernelWatch(.gateway, in: lab)
    try showFailover(in: lab, gateway, traffic, watch)
    try showPin(in: lab, gateway)
    let report = try traffic.stop()
    try watch.stop()
    check("0 of \(report.sent) packets leaked meanwhile", try lab.leaks().total == 0)
  }

  private mutating func showFailover(
    in lab: Lab, _ gateway: AgentProcess, _ traffic: Traffic, _ watch: KernelWatch
  ) throws {
    for (fault, cut, heal) in [
      ("\(Node.cloudA) is dead", lab.cut, lab.heal),
      ("\(Node.cloudA) answers, and the Internet behind it does not", lab.cutWAN, lab.healWAN),
    ] {
      let start = Moment.now
      try cut(.cloudA)
      let switched = try watch.waitForTunnelDefault(since: start, within: .seconds(10)) {
        $0.exits == [Node.cloudB.tunnelAddress]
      }
      check(
        "\(fault): switched after \(milliseconds(switched.time - start)), probes being 200 ms apart", true)
      let seen = try? lab.fetch(from: .pod).get()
      check("the pod's request arrives from \(seen ?? "nobody")", seen == Node.cloudB.publicAddress)
      try heal(.cloudA)
      try gateway.waitFor(phase: "ready", within: .seconds(30))
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    check("traffic is back on \(Node.cloudA) once that was healthy for a while", true)
  }

  private mutating func showPin(in lab: Lab, _ gateway: AgentProcess) throws {
    let pinned = try gateway.run(["exit", "use", "\(Node.cloudB)"])
    let seen = try? lab.fetch(from: .pod).get()
    check(
      "liteboxd-agent exit use \(Node.cloudB): requests arrive from \(seen ?? "nobody")",
      pinned.status == .exited(0) && seen == Node.cloudB.publicAddress)
    Demo.say(try gateway.run(["status"]).stdout)
    let freed = try gateway.run(["exit", "use", "auto"])
    try gateway.waitFor(phase: "ready", within: .seconds(10))
    check("exit use auto: the agent chooses again", freed.status == .exited(0))
  }
}
