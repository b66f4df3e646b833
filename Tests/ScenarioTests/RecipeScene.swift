import Lab
import Testing

/// A lab in which one node is a machine with a systemd, on which the plan's recipe runs by its own units. The agent is
/// installed there and knows nothing of it; on the other role it runs as an ordinary process of the lab's.
final class RecipeScene: Scene {
  let lab: Lab
  let machine: Container
  let agent: AgentUnit
  let other: AgentProcess
  var node: Node { machine.node }

  /// Both paths with TCP, UDP and ICMP, and connections that stay. Not IPv6, of which the recipe knows nothing: it leaves
  /// by the uplink until the agent comes.
  static let flows = TrafficFlow.all.union(RestartTests.streams)

  init(_ node: Node) throws {
    lab = try Lab()
    do {
      var setup = try Container.Setup.recipe(on: node, in: lab, units: ManagedStage.shipped("systemd"))
      setup.image = try managers.get()
      machine = try Container(on: node, in: lab, setup)
      agent = AgentUnit(in: machine)
      // A gateway that takes an exit for dead after less than a busy machine's pauses would be the gap that is looked for.
      let place: Node = node == .gateway ? .cloudA : .gateway
      other = try lab.startAgent(
        on: place,
        configuration: lab.configuration(for: place).replacing("timeout: 200ms", with: "timeout: 1s"))
      try machine.boot()
      try other.waitFor(phase: "ready", within: .seconds(20))
      try expectTraffic()
    } catch {
      lab.close()
      throw error
    }
  }

  deinit { lab.close() }

  func expectTraffic() throws {
    let seen = eventually(within: .seconds(10)) { try? lab.fetch(from: .pod).get() }
    #expect(seen == Node.cloudA.publicAddress)
  }

  func adopt(_ arguments: String...) throws -> Command.Result {
    try machine.execute(["liteboxd-agent", "adopt"] + arguments, limit: .seconds(120)).run()
  }

  /// All of the recipe's and the agent's that a command which changes nothing may not change.
  func listing() throws -> String {
    let lines = [
      "ip rule show", "ip route show table 100", "ip route show table 101", "nft -s list ruleset",
      "systemctl list-unit-files --no-legend zt-* liteboxd-*", "systemctl is-active \(unit)",
      "find /etc/systemd/system /etc/iptables /etc/default /etc/liteboxd -printf %p:%M:%l\\n",
      "grep -rs . /etc/systemd/system /etc/iptables /etc/liteboxd",
    ]
    return try lines.map { line in
      let shown = try machine.execute(line.split(separator: " ").map(String.init)).run().stdout
      // Directories and routes are listed by age.
      return shown.split(separator: "\n").sorted().joined(separator: "\n")
    }.joined(separator: "\n")
  }

  var unit: String { node == .gateway ? Recipe.gatewayUnit : Recipe.cloudUnit }

  /// Prints; what is printed is a configuration; nothing has changed.
  func expectPrinting() throws {
    let before = try listing()
    let printed = try adopt()
    #expect(printed.status == .exited(0) && printed.stderr.contains("nothing was changed"), "\(printed)")
    try machine.write(ContainerFile("/root/found.yaml", printed.stdout))
    try machine.run("liteboxd-agent check --config /root/found.yaml")
    let after = try listing()
    #expect(after == before, "\(difference(after, before))")
  }

  /// Takes over under traffic. Hands back what it said.
  func takeOver() throws -> String {
    var said = ""
    try underTraffic(Self.flows) { traffic in
      let watch = try KernelWatch(node, in: lab)
      let result = try adopt("--yes")
      #expect(result.status == .exited(0), "\(result)")
      said = result.stdout
      lab.letPass(.milliseconds(300))
      try watch.stop()
      let gaps = watch.events.filter {
        $0.change == .deleted && $0.route.map { $0.table == 100 && $0.prefixLength == 0 } ?? false
      }
      #expect(gaps.isEmpty, "the tunnel's default was away: \(gaps)")
      expectNoGap(traffic.report)
    }
    try agent.waitFor(phase: "ready", within: .seconds(20))
    try expectInSync(agent, within: .seconds(5))
    return said
  }

  /// Nothing is refused, and no flow waits: at 50 a second two answers are 20 ms apart, and the rest is what this machine
  /// may take to come round to a probe, as wherever the tests look for flows that notice nothing.
  func expectNoGap(_ report: TrafficReport) {
    #expect(report.longestGap < .milliseconds(500), "\(report)")
    #expect(report.counts.values.allSatisfy { $0.refused == 0 }, "\(report)")
    // Of each flow one may be on its way, and a busy machine answers a few later than the probe waits for them.
    #expect(report.counts.values.allSatisfy { $0.sent - $0.answered <= 3 }, "\(report)")
  }

  /// Another run finds nothing, and changes nothing.
  func expectNothingLeft() throws {
    let before = try listing()
    for arguments in [[], ["--yes"]] {
      let again = try machine.execute(["liteboxd-agent", "adopt"] + arguments).run()
      #expect(again.status == .exited(0) && again.stderr.contains("nothing to adopt"), "\(again)")
    }
    let after = try listing()
    #expect(after == before, "\(difference(after, before))")
    #expect(try property("ActiveState") == "inactive" && property("UnitFileState") == "disabled")
    // Not even who starts it by mistake gets it.
    try machine.run("systemctl start \(unit)")
    #expect(try property("ActiveState") == "inactive")
  }

  func property(_ name: String) throws -> String {
    try machine.run("systemctl show --property=\(name) --value \(unit)").filter { $0 != "\n" }
  }

  /// By the commands that it ended with.
  func goBack(_ said: String) throws {
    let lines = said.split(separator: "\n").drop { !$0.hasSuffix("to go back:") }.dropFirst()
    #expect(lines.count >= 5, "\(said)")
    try underTraffic(Self.flows) { traffic in
      for line in lines { try machine.run(String(line)) }
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    #expect(try property("ActiveState") == "active" && property("UnitFileState") == "enabled")
    #expect(try !machine.run("nft list tables").contains("liteboxd"))
    #expect(try !machine.run("ip rule show").contains("proto 147"))
    try expectTraffic()
  }
}
