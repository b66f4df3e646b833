import Foundation
import Glibc
import JSON
import Lab
import Testing

/// A setting that gets another value, and what the traffic has to do with it.
struct SettingChange: Sendable, CustomStringConvertible {
  enum Traffic: Sendable {
    /// Nothing of it changes.
    case flows
    /// The pod's gets another egress IP, by Cilium's policy and ZeroTier's controller.
    case moves(to: String)
    /// With the other value there is none.
    case ends
  }

  let title: String
  var node = Node.gateway
  var traffic = Traffic.flows
  let edit: @Sendable (String, Lab) throws -> String
  var description: String { title }

  private static func inserting(_ line: String, _ title: String) -> SettingChange {
    SettingChange(title: title) { text, _ in text.replacing("  egressIP:", with: "  \(line)\n  egressIP:") }
  }

  static let all: [SettingChange] = [
    inserting("routingTable: 300", "routingTable"), inserting("rulePriority: 200", "rulePriority"),
    // Half of the new ones are old ones.
    inserting("routingTable: 101", "an overlapping routingTable"),
    inserting("rulePriority: 152", "an overlapping rulePriority"),
    inserting("whenDown: unreachable", "whenDown"),
    inserting("excludedCIDRs: [10.0.0.0/8, 192.168.0.0/16]", "excludedCIDRs"),
    SettingChange(title: "egressIP", traffic: .moves(to: "10.147.17.9")) { text, _ in
      text.replacing("egressIP: \(Address.egress)", with: "egressIP: 10.147.17.9")
    },
    SettingChange(title: "sources", node: .cloudA) { text, _ in
      text.replacing("[\(Address.tunnelNetwork)]", with: "[10.147.17.0/26, 10.147.17.128/25]")
    },
    SettingChange(title: "role", traffic: .ends) { text, lab in
      let own = try lab.configuration(for: .cloudA)
      guard let (start, end) = section("gateway:", of: text), let (from, to) = section("cloud:", of: own)
      else { throw LabError("changing the role", text) }
      let changed = String(text[..<start] + own[from..<to] + text[end...])
      return changed.replacing("role: gateway", with: "role: cloud")
    },
  ]

  /// From a key at the beginning of a line to the next.
  private static func section(_ key: String, of text: String) -> (String.Index, String.Index)? {
    guard let start = text.range(of: "\n\(key)")?.lowerBound,
      let end = text.range(of: "\nstatus:")?.lowerBound
    else { return nil }
    return (start, end)
  }
}

@Suite(
  "S30: a setting changes while the agent runs, while it is stopped, and while it is killed", .serialized)
struct SettingChangeTests {
  /// What the agent does meanwhile.
  enum Meanwhile: CaseIterable { case runs, isStopped, isKilled }

  @Test(
    "nothing leaks, traffic goes on, and the state is that of a fresh start with the new value",
    arguments: SettingChange.all)
  func change(_ change: SettingChange) throws {
    let scene = try Scene(change)
    try scene.run()
  }

  /// A stage whose one agent gets one value and the other.
  private final class Scene {
    private let change: SettingChange
    private let stage: Stage
    private let configurations: (usual: String, other: String)
    private var states = (usual: "", other: "")
    private var agent: AgentProcess
    private var killDelay = Duration.milliseconds(1)

    init(_ change: SettingChange) throws {
      self.change = change
      stage = try Stage()
      let usual = try stage.lab.configuration(for: change.node)
      configurations = (usual, try change.edit(usual, stage.lab))
      agent = change.node == .gateway ? stage.gateway : stage.cloud
      #expect(configurations.other != usual)
    }

    func run() throws {
      let without = try tearDown()
      states.other = try fresh(.other)
      #expect(try tearDown() == without)
      states.usual = try fresh(.usual)
      #expect(states.usual != states.other)
      // The node's own sockets have no place in it when the egress IP or the role is another.
      let flows = if case .flows = change.traffic { Stage.everyFlow } else { forwarded }
      try stage.underTraffic(flows) { traffic in
        for meanwhile in Meanwhile.allCases {
          try turn(to: .other, meanwhile, traffic)
          try turn(to: .usual, meanwhile, traffic)
        }
      }
      let left = try tearDown()
      #expect(left == without, "\(difference(left, without))")
      if change.node == .gateway { try stage.expectLeaksUnprotected() }
    }

    enum Value { case usual, other }

    private func fresh(_ value: Value) throws -> String {
      try moveAddress(value)
      agent = try stage.lab.startAgent(on: change.node, configuration: text(value))
      try settle(value)
      return try listing()
    }

    private func text(_ value: Value) -> String {
      value == .usual ? configurations.usual : configurations.other
    }

    private func settle(_ value: Value) throws {
      try agent.waitFor(phase: "ready", within: .seconds(10))
      try stage.expectInSync(agent)
    }

    private func turn(to value: Value, _ meanwhile: Meanwhile, _ traffic: Traffic) throws {
      if case .moves = change.traffic { try stage.lab.setPodEgress(nil) }
      let start = Moment.now
      switch meanwhile {
      case .runs:
        try moveAddress(value)
        try agent.program.rewrite(configuration: text(value))
        #expect(try agent.run(["reload"]).status == .exited(0))
      case .isStopped:
        #expect(try agent.terminateAndWait() == .exited(0))
        try moveAddress(value)
        agent = try stage.lab.startAgent(on: change.node, configuration: text(value))
      case .isKilled:
        try moveAddress(value)
        try agent.program.rewrite(configuration: text(value))
        agent.signal(SIGHUP)
        // Somewhere in between, elsewhere each time.
        stage.lab.letPass(killDelay)
        killDelay = killDelay * 3
        agent.kill()
        agent = try stage.lab.startAgent(on: change.node, configuration: text(value))
      }
      try settle(value)
      let wanted = value == .usual ? states.usual : states.other
      let found = try eventually(within: .seconds(2)) { try listing() == wanted ? true : nil }
      if found == nil {
        Issue.record(
          "\(meanwhile), \(value): \(difference(try listing(), wanted))\n\(agent.log.suffix(2000))")
      }
      try follow(value, meanwhile, traffic, since: start)
    }

    private func follow(
      _ value: Value, _ meanwhile: Meanwhile, _ traffic: Traffic, since start: Moment
    ) throws {
      switch (change.traffic, value) {
      case (.ends, .other):
        let before = traffic.report.answered
        stage.lab.letPass(.milliseconds(300))
        #expect(traffic.report.answered == before, "\(traffic.report)")
      case (.moves(let address), .other):
        try stage.lab.setPodEgress(address)
        _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      case (.moves, .usual):
        try stage.lab.setPodEgress(Address.egress)
        _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      case (.ends, .usual): _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      case (.flows, _):
        _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
        #expect(
          traffic.report.longestGap < .milliseconds(500) || meanwhile != .runs,
          "\(change) \(value): \(traffic.report)")
      }
    }

    private let forwarded: Set<TrafficFlow> = [
      .init(.forwarded, .tcp), .init(.forwarded, .udp), .init(.forwarded, .icmp),
    ]

    private func moveAddress(_ value: Value) throws {
      guard case .moves(let address) = change.traffic else { return }
      try stage.lab.zeroTier(change.node).tell(.addressChange(value == .usual ? Address.egress : address))
    }

    /// Removes all, and shows what is left.
    private func tearDown() throws -> String {
      agent.kill()
      try moveAddress(.usual)
      let result = try agent.run(["teardown", "--yes"])
      #expect(result.status == .exited(0), "\(result)")
      return try listing()
    }

    /// Whatever could be left on the host, as text that is the same when the state is.
    private func listing() throws -> String {
      let namespace = try stage.lab.namespace(change.node)
      let listings = try [
        "ip rule show", "ip -6 rule show", "ip -4 route show table all", "ip -6 route show table all",
        "nft -s list ruleset",
        "sysctl -ar net.ipv[46].(ip_forward|conf.*rp_filter|conf.*forwarding|conf.*accept_local)",
      ].map { command in
        let output = try namespace.execute(command.split(separator: " ").map(String.init)).run().stdout
        return withoutGateways(output)
      }
      // Who holds the table is shown in its first lines, and changes with each start; the pod's egress is Cilium's.
      // The kernel orders by age what has no order; where order counts, the agent's plan says so.
      return listings.flatMap { $0.split(separator: "\n") }.filter {
        !$0.contains("# progname") && !$0.contains("flags owner") && !$0.contains("pod0")
      }.sorted().joined(separator: "\n")
    }
  }
}
