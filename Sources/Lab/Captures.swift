import Glibc

/// Pages and pictures for the documentation, of a gateway and a cloud server at work: nothing in them is made up.
public struct Captures {
  private static let seconds = 75.0
  private let directory: String
  private let lab: Lab
  private let gateway: AgentProcess
  private let cloud: AgentProcess
  private var pages: [(title: String, text: String)] = []

  /// Writes `operator-view.md` and `dashboard.svg` into the directory; 0 if all went well. `agent` is the program.
  public static func run(into directory: String, agent: String?) -> Int32 {
    do {
      let lab = try Lab(.init(clouds: .two, agent: agent))
      defer { lab.close() }
      var captures = try Captures(into: directory, lab)
      try captures.make()
      return 0
    } catch {
      Demo.say("captures: \(error)")
      return 1
    }
  }

  private init(into directory: String, _ lab: Lab) throws {
    self.directory = directory
    self.lab = lab
    let clouds = try lab.clouds.map { node in
      try lab.startAgent(
        on: node, configuration: lab.configuration(for: node, metrics: "\(node.publicAddress ?? ""):9479"))
    }
    cloud = clouds[0]
    gateway = try lab.startAgent(
      on: .gateway, configuration: lab.configuration(for: .gateway, metrics: "\(Address.uplink):9479"))
    for agent in clouds + [gateway] { try agent.waitFor(phase: "ready", within: .seconds(15)) }
  }

  private mutating func make() throws {
    var options = Prometheus.Options(targets: [
      ("gateway", "\(Address.uplink):9479"), ("cloud-a", "\(Node.cloudA.publicAddress ?? ""):9479"),
      ("cloud-b", "\(Node.cloudB.publicAddress ?? ""):9479"),
    ])
    options.interval = .seconds(1)
    let prometheus = try Prometheus(in: lab, options)
    let (start, traffic) = (Prometheus.now, try lab.startTraffic(perSecond: 20))
    try live()
    try traffic.stop()
    let rest = start + Captures.seconds - Prometheus.now
    if rest > 0 { lab.letPass(.milliseconds(Int64(rest * 1000))) }
    try draw(prometheus, from: start, to: Prometheus.now)
    try writeFile("\(directory)/operator-view.md", text, creating: .mode(0o644))
  }

  /// What may happen to a gateway, one thing after the other.
  private mutating func live() throws {
    let namespace = try lab.namespace(.gateway)
    try startDownload()
    lab.letPass(.seconds(14))
    try capture("A gateway on which all is well, at 80 columns", gateway, columns: 80)
    try capture("The same at 120 columns", gateway, columns: 120)
    try capture("The cloud server that it uses, at 120 columns", cloud, columns: 120)
    for line in ["rule del priority 150", "route flush table 100"] { try namespace.ip(line) }
    lab.letPass(.seconds(6))
    try lab.cut(.cloudA)
    try gateway.waitForStatus("the standby", within: .seconds(5)) { $0["phase"] == "degraded" }
    lab.letPass(.seconds(4))
    try capture(
      "The preferred exit does not answer, and the standby carries the traffic", gateway, columns: 80)
    try lab.heal(.cloudA)
    try gateway.waitFor(phase: "ready", within: .seconds(20))
    lab.letPass(.seconds(6))
    try dropByGuard()
    lab.letPass(.seconds(6))
    let good = try readFile(gateway.program.configurationPath)
    try gateway.program.rewrite(configuration: good.replacing("egressIP", with: "egresIP"))
    try gateway.waitFor(phase: "degraded", within: .seconds(5))
    lab.letPass(.seconds(4))
    try gateway.program.rewrite(configuration: good)
    try gateway.waitFor(phase: "ready", within: .seconds(5))
    try lab.zeroTier(.gateway).tell(.linkDelete)
    try gateway.waitFor(phase: "blocked", within: .seconds(5))
    lab.letPass(.seconds(6))
    try capture("ZeroTier's interface is gone", gateway, columns: 80)
    try lab.zeroTier(.gateway).restart()
    try gateway.waitFor(phase: "ready", within: .seconds(20))
    lab.letPass(.seconds(8))
  }

  private func startDownload() throws {
    let loop =
      "for i in 1 2 3 4 5; do curl -s -m 20 --limit-rate 600k -o /dev/null http://\(Address.server)/bytes/6000000; sleep 3; done"
    try lab.namespace(.pod).execute(["sh", "-c", "(\(loop)) >/dev/null 2>&1 &"]).output()
  }

  /// Somebody takes all rules out while the agent cannot put them back.
  private func dropByGuard() throws {
    gateway.freeze()
    for priority in 150...152 { try lab.namespace(.gateway).ip("rule del priority \(priority)") }
    lab.letPass(.milliseconds(400))
    gateway.thaw()
    try gateway.waitFor(phase: "ready", within: .seconds(10))
  }

  /// As it is on a terminal of that width.
  private mutating func capture(_ title: String, _ agent: AgentProcess, columns: Int) throws {
    let words = agent.program.command(["status"]).arguments.joined(separator: " ")
    let result = try Command([
      "env", "LANG=C.UTF-8", "TERM=xterm", "NO_COLOR=1", "script", "-qec", "stty cols \(columns); \(words)",
      "/dev/null",
    ]).run()
    let page = result.stdout.filter { $0 != "\r" }.replacing("\r\n", with: "\n")
    // Where the lab keeps its files is nobody's business.
    pages.append((title, page.replacing("\(lab.directory)/agent-\(agent.node)", with: "/etc/liteboxd")))
  }

  private func draw(_ prometheus: Prometheus, from start: Double, to end: Double) throws {
    let dashboard = try Dashboard(gateway.run(["render", "grafana-dashboard"]).stdout)
    var drawing = DashboardDrawing(from: start, to: end)
    for panel in dashboard.panels {
      let lines = try panel.lines(of: prometheus, from: start, to: end, rateInterval: "5s").flatMap { $0 }
      drawing.add(panel, lines)
    }
    try writeFile("\(directory)/dashboard.svg", drawing.document, creating: .mode(0o644))
  }

  private var text: String {
    let blocks = pages.map { "## \($0.title)\n\n```\n\($0.text)```\n" }
    return """
      # What an operator sees

      Made by `make captures` from agents at work in network namespaces: a gateway, two cloud servers, and
      between them a simulated ZeroTier, whose round trips are therefore those of one machine. On a terminal the pages are
      coloured: green for what is well, yellow for what needs a person, red for what lets nothing through. The marks say the same
      without colour: ● well, ▲ needs a person, ■ lets nothing through. In the row of round trips each block is a probe, the newest
      last, and a dot one that was not answered. What the parts mean: [exits.md](exits.md) and
      [fail-closed.md](fail-closed.md).

      \(blocks.joined(separator: "\n"))
      ## The dashboard

      Drawn by the lab, not by Grafana: the panels of [grafana-dashboard.json](../config/grafana-dashboard.json), each with what its
      queries answered in a real Prometheus that scraped the three agents above, while a rule was deleted and a table flushed, an
      exit fell silent and came back, all rules were taken out under a frozen agent, the file was broken and mended, and the
      tunnel's link was deleted and came back.

      ![The dashboard's panels](dashboard.svg)

      """
  }
}
