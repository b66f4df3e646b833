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
    "rule add from 10.147.17.1 lookup main priority 151 protocol 147",
  ]

  private enum Fault: String, CaseIterable {
    case command, linkDown, linkDeleted, restarted, killed, api, word, peer, reload, agentKilled, frozen
  }

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
      return { stage.agent = try stage.lab.startAgent(on: .gateway) }
    case .frozen:
      stage.agent.freeze()
      return { stage.agent.thaw() }
    }
  }

  private final class ChaosStage {
    let lab: Lab
    var agent: AgentProcess
    init(_ stage: Stage) {
      lab = stage.lab
      agent = stage.gateway
    }
  }

  @Test(
    "nothing leaks, and each time the state converges and traffic flows again",
    arguments: [1, 2, 3] as [UInt64])
  func chaos(_ seed: UInt64) throws {
    let stage = try Stage()
    let before = try stage.state().replacing(try stage.lab.zeroTier(.gateway).device, with: "zt")
    let chaos = ChaosStage(stage)
    var numbers = SplitMix(seed: seed)
    try stage.underTraffic { traffic in
      for round in 0..<6 {
        // ZeroTier's faults do not stack: one of its kind, with anything else.
        let first = Fault.allCases.randomElement(using: &numbers) ?? .command
        let others = (0..<2).compactMap { _ in [Fault.command, .reload].randomElement(using: &numbers) }
        let names = ([first] + others).map(\.rawValue)
        let ends = try ([first] + others).map { try strike($0, chaos, &numbers) }
        stage.lab.letPass(.milliseconds(Int.random(in: 50...400, using: &numbers)))
        #expect(try stage.lab.leaks().total == 0, "seed \(seed), round \(round): \(names)")
        for end in ends.reversed() { try end() }
        _ = try traffic.waitForAnswers(after: .now, within: .seconds(8))
        try chaos.agent.waitFor(phase: "ready", within: .seconds(8))
        let device = try stage.lab.zeroTier(.gateway).device
        let restored = try eventually(within: .seconds(3)) {
          try stage.state().replacing(device, with: "zt") == before ? true : nil
        }
        if restored != true {
          let after = try stage.state().replacing(device, with: "zt")
          #expect(after == before, "seed \(seed), round \(round), \(names): \(difference(after, before))")
        }
      }
    }
  }
}
