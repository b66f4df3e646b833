import Foundation
import Glibc
import JSON
import Lab
import TestPeers
import Testing

@Suite("Faults at random, several at once", .serialized)
struct ChaosTests {
  /// What is done to the gateway, by name; what undoes it, if it does not go by itself.
  private static let commands = [
    "rule del priority 150", "rule del priority 151", "rule del priority 152", "route flush table 100",
    "route flush table 101", "route replace default via 198.51.100.1 dev uplink0 table 100",
    "route add 8.0.0.0/7 dev uplink0 table 100", "route add 8.0.0.0/7 dev uplink0 table 101",
    "route del blackhole default table 101",
    "rule add from 10.147.17.1 lookup main priority 151 protocol 147", "-6 rule del priority 151",
    "-6 route flush table 100",
  ]

  private enum Fault: String, CaseIterable {
    case command, linkDown, linkDeleted, restarted, killed, api, word, peer, reload, agentKilled, frozen
    case exitDead, exitWithoutInternet, cloudLinkDown, cloudAgentKilled, cloudCommand, parameter
    case foreignRule, rulesFlushed, rulesetFlushed, configuration, crowd, churn
  }

  /// What is done to a cloud server.
  private static let cloudCommands = [
    ["sysctl", "-qw", "net.ipv4.ip_forward=0"], ["nft", "flush", "ruleset"],
    ["nft", "delete", "table", "inet", "liteboxd"],
    ["sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_loose=0"],
  ]

  /// Strikes; what is given back ends the fault.
  private func strike(_ fault: Fault, _ stage: ChaosStage, _ numbers: inout SplitMix) throws -> () throws
    -> Void
  {
    let zerotier = try stage.lab.zeroTier(.gateway)
    switch fault {
    case .command:
      let command = Self.commands.randomElement(using: &numbers) ?? ""
      // Another fault may have taken away what this one works on.
      _ = try? stage.lab.namespace(.gateway).ip(command)
      return {}
    case .linkDown:
      try zerotier.tell(.linkDown)
      return { try zerotier.tell(.linkUp) }
    case .linkDeleted:
      try zerotier.tell(.linkDelete)
      return { try zerotier.restart() }
    case .restarted:
      try zerotier.restart()
      return {}
    case .killed:
      try zerotier.kill()
      return { try zerotier.restart() }
    case .api:
      let kinds: [ZeroTierAPIFault] = [.hangs, .refused, .garbage, .status500, .oneBytePerSecond]
      try zerotier.tell(.api(kinds.randomElement(using: &numbers) ?? .hangs))
      return { try zerotier.tell(.api(.normal)) }
    case .word:
      try zerotier.tell(.network(.deauthorised))
      return { try zerotier.tell(.network(.ok)) }
    case .peer:
      try zerotier.tell(.dropFrames(of: nil))
      return { try zerotier.tell(.passFrames) }
    case .reload:
      stage.agent.signal(SIGHUP)
      return {}
    case .agentKilled:
      stage.agent.kill()
      return {
        stage.agent = try stage.lab.startAgent(on: .gateway, configuration: stage.configuration)
      }
    case .frozen:
      stage.agent.freeze()
      return { stage.agent.thaw() }
    case .foreignRule, .rulesFlushed, .rulesetFlushed, .configuration, .crowd, .churn:
      return try strikeAround(fault, stage)
    default: return try strikeAfar(fault, stage, &numbers)
    }
  }

  /// What others do on the gateway, and to the agent's inputs.
  private func strikeAround(_ fault: Fault, _ stage: ChaosStage) throws -> () throws -> Void {
    let gateway = try stage.lab.namespace(.gateway)
    switch fault {
    case .foreignRule:
      try gateway.ip("rule add from 10.147.17.1 lookup main priority 120")
      return { try gateway.ip("rule del priority 120") }
    case .rulesFlushed:
      try gateway.ip("rule flush")
      // The system's own are nobody's to invent but the administrator's.
      try gateway.ip(batch: [
        "rule add priority 32766 lookup main", "rule add priority 32767 lookup default",
      ])
      return {}
    case .rulesetFlushed:
      try gateway.nft("flush", "ruleset")
      try stage.lab.restoreCiliumStandIn()
      return {}
    case .configuration:
      let usual = stage.configuration
      try stage.agent.program.rewrite(configuration: usual.replacing("role:", with: "rôle:"))
      stage.agent.signal(SIGHUP)
      return {
        try stage.agent.program.rewrite(configuration: usual)
        stage.agent.signal(SIGHUP)
      }
    case .crowd:
      let crowd = try stage.lab.startCrowd(300, at: .unix(stage.agent.program.socket))
      return { #expect(crowd.count == 300) }
    default:
      try gateway.ip(batch: (0..<10_000).map { "route add blackhole 240.0.\($0 / 256).\($0 % 256) table 77" })
      return { try gateway.ip("route flush table 77") }
    }
  }

  /// Faults of the exits, and of the host's parameters.
  private func strikeAfar(_ fault: Fault, _ stage: ChaosStage, _ numbers: inout SplitMix) throws
    -> () throws -> Void
  {
    let cloud = Bool.random(using: &numbers) ? Node.cloudA : .cloudB
    switch fault {
    case .exitDead:
      try stage.lab.cut(cloud)
      return { try stage.lab.heal(cloud) }
    case .exitWithoutInternet:
      try stage.lab.cutWAN(of: cloud)
      return { try stage.lab.healWAN(of: cloud) }
    case .cloudLinkDown:
      try stage.lab.zeroTier(cloud).tell(.linkDown)
      return { try stage.lab.zeroTier(cloud).tell(.linkUp) }
    case .cloudAgentKilled:
      stage.clouds[cloud]?.kill()
      return { stage.clouds[cloud] = try stage.lab.startAgent(on: cloud) }
    case .cloudCommand:
      let command = Self.cloudCommands.randomElement(using: &numbers) ?? []
      // The table is owned: others are told so.
      _ = try stage.lab.namespace(cloud).execute(command).run()
      return {}
    default:
      let device = try stage.lab.zeroTier(.gateway).device
      let parameter = ["ip_forward=0", "conf.\(device).rp_filter=1"].randomElement(using: &numbers) ?? ""
      // Its link may be away by another fault.
      _ = try stage.lab.namespace(.gateway).execute(["sysctl", "-qw", "net.ipv4.\(parameter)"]).run()
      return {}
    }
  }

  private final class ChaosStage {
    let lab: Lab
    let configuration: String
    var agent: AgentProcess
    var clouds: [Node: AgentProcess]
    init(_ stage: Stage, _ configuration: String) {
      lab = stage.lab
      self.configuration = configuration
      agent = stage.gateway
      clouds = [.cloudA: stage.cloud]
      clouds[.cloudB] = stage.otherCloud
    }
  }

  /// Rounds that were done, and how long traffic took to flow again once the faults were over, by the first fault.
  private struct Record {
    var rounds = 0
    var recoveries: [Fault: [Duration]] = [:]

    var lines: [String] {
      recoveries.sorted { $0.key.rawValue < $1.key.rawValue }.map {
        "  \($0.key.rawValue): \(spread($0.value))"
      }
    }
  }

  /// The environment's CHAOS_SECONDS and CHAOS_SEED: how long each seed goes on, and which alone.
  private static let seconds = ProcessInfo.processInfo.environment["CHAOS_SECONDS"].flatMap { Int($0) } ?? 20
  static let seeds: [UInt64] = {
    guard let given = ProcessInfo.processInfo.environment["CHAOS_SEED"].flatMap({ UInt64($0) }) else {
      return [1, 2, 3]
    }
    return [given]
  }()

  @Test("nothing leaks, and each time the state converges and traffic flows again", arguments: seeds)
  func chaos(_ seed: UInt64) throws {
    var configuration = ""
    let stage = try Stage(clouds: .two) {
      configuration = $0.replacing(
        "failbackAfter: 2s", with: "failbackAfter: 2s\n    through: [tcp://1.1.1.1:443, tcp://8.8.8.8:443]")
      return configuration
    }
    let chaos = ChaosStage(stage, configuration)
    var (numbers, record) = (SplitMix(seed: seed), Record())
    let end = Moment.now + .seconds(Self.seconds)
    try stage.underTraffic { traffic in
      while Moment.now < end {
        try strikeRound(chaos, traffic, &numbers, &record, "seed \(seed), round \(record.rounds)")
      }
    }
    print("chaos, seed \(seed): \(record.rounds) rounds; traffic again after the end of")
    for line in record.lines { print(line) }
    #expect(record.rounds > 0)
    try expectLeaksUnprotected(chaos)
  }

  /// The control: without the agent's state the same traffic leaks.
  private func expectLeaksUnprotected(_ chaos: ChaosStage) throws {
    chaos.agent.kill()
    #expect(try chaos.agent.run(["teardown", "--yes"]).status == .exited(0))
    let traffic = try chaos.lab.startTraffic(Stage.everyFlow, perSecond: 50)
    let leaks = try eventually(within: .seconds(5)) {
      let leaks = try chaos.lab.leaks()
      return min(leaks.tcp, leaks.udp, leaks.icmp, leaks.ipv6) > 0 ? true : nil
    }
    try traffic.stop()
    #expect(leaks == true, "the control does not leak")
  }

  private func strikeRound(
    _ chaos: ChaosStage, _ traffic: Traffic, _ numbers: inout SplitMix, _ record: inout Record,
    _ place: String
  ) throws {
    // ZeroTier's faults do not stack: one of its kind, with anything else.
    let first = Fault.allCases.randomElement(using: &numbers) ?? .command
    let others = (0..<2).compactMap { _ in
      [Fault.command, .reload, .parameter].randomElement(using: &numbers)
    }
    let names = ([first] + others).map(\.rawValue)
    let ends = try ([first] + others).map { try strike($0, chaos, &numbers) }
    chaos.lab.letPass(.milliseconds(Int.random(in: 50...400, using: &numbers)))
    #expect(try chaos.lab.leaks().total == 0, "\(place): \(names)")
    for end in ends.reversed() { try end() }
    let over = Moment.now
    do {
      // An exit that failed often has to answer for long; the other one carries the traffic meanwhile.
      record.recoveries[first, default: []].append(
        try traffic.waitForAnswers(after: over, within: .seconds(30)))
      try chaos.agent.waitForStatus("open", within: .seconds(30)) { $0["tunnelUp"] == true }
      let inSync = try eventually(within: .seconds(10), step: .milliseconds(50)) {
        try chaos.agent.run(["plan"]).status == .exited(0) ? true : nil
      }
      if inSync != true { #expect(try chaos.agent.run(["plan"]).stdout == "in sync\n", "\(place): \(names)") }
    } catch {
      throw LabError("\(place): \(names)", "\(error)")
    }
    record.rounds += 1
  }
}
