import Glibc
import JSON
import Lab
import Testing

@Suite("S25: rules and addresses by the thousand that come and go while they are read", .serialized)
struct ChurnTests {
  /// Asked before the agent's own, so that each that comes or goes moves the place of those; none is for the egress IP.
  private static let rules = (0..<10_000).map { number in
    "rule add priority \(5 + number / 100) from 100.\(64 + number / 65_536).\(number / 256 % 256).\(number % 256) lookup 7777"
  }
  private static let addresses = (0..<5_000).map { "addr add 198.18.\($0 / 250).\($0 % 250 + 1)/32 dev lo" }
  /// What comes and goes.
  private static let churn = [
    "rule add priority 4 from 198.19.0.1 lookup 7777", "addr add 198.19.0.1/32 dev lo",
    "rule add priority 4 from 198.19.0.2 lookup 7777", "rule del priority 4 from 198.19.0.1 lookup 7777",
    "addr del 198.19.0.1/32 dev lo", "rule del priority 4 from 198.19.0.2 lookup 7777",
  ]

  @Test("a rule of the agent's that is removed again and again comes back, and nothing foreign is touched")
  func repaired() throws {
    let stage = try Stage()
    let gateway = try stage.lab.namespace(.gateway)
    try gateway.ip(batch: Self.rules + Self.addresses)
    try stage.expectInSync(within: .seconds(10))
    let before = try foreign(gateway)
    let trace = try NetlinkTrace(stage.gateway, through: NetlinkFaults())
    try stage.underTraffic { traffic in
      let churn = try Churn(Self.churn, on: .gateway, in: stage.lab)
      defer { churn.end() }
      // The control: the kernel does interrupt dumps.
      let dumps = try stage.lab.dump(.addresses, on: .gateway, times: 20)
      #expect(dumps.contains { $0.interrupted > 0 }, "\(dumps)")
      for priority in [151, 150, 152, 151, 150, 151] {
        try gateway.ip("rule del priority \(priority)")
        try expectRule(priority, gateway, stage.gateway)
      }
      try stage.expectNoWayPast("churn")
    }
    let deletions = trace.requests.filter { $0.bus == .route && $0.purpose == .change && $0.type & 3 == 1 }
    #expect(deletions.isEmpty, "\(deletions.map(\.type))")
    try trace.end(stage.gateway)
    // The last change may be made while this is listed, which then is no more whole than other dumps.
    let isUntouched = try eventually(within: .seconds(5), step: .milliseconds(100)) {
      try foreign(gateway) == before ? true : nil
    }
    let touched = try difference(foreign(gateway), before)
    #expect(isUntouched == true, "\(touched)")
    #expect(
      try stage.lab.startAgent(on: .gateway).waitFor(phase: "ready", within: .seconds(10))["phase"] == "ready"
    )
  }

  /// As nobody's dump is whole meanwhile, ours is not either: it is looked at until it is there.
  private func expectRule(_ priority: Int, _ gateway: NetworkNamespace, _ agent: AgentProcess) throws {
    let isBack = try eventually(within: .seconds(10), step: .milliseconds(50)) {
      try gateway.ip("rule show priority \(priority)").contains("proto 147") ? true : nil
    }
    #expect(isBack == true, "rule \(priority) is not back:\n\(agent.log.suffix(2000))")
  }

  private func foreign(_ gateway: NetworkNamespace) throws -> String {
    try [gateway.ip("rule show"), gateway.ip("addr show dev lo")].joined()
      .split(separator: "\n").filter {
        !$0.contains("proto 147") && !$0.contains("198.19.0") && !$0.contains("valid_lft")
      }
      .joined(separator: "\n")
  }
}
