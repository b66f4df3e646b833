import Lab

/// What the agent is about when it is killed, and where.
struct CrashSituation: Sendable, CustomStringConvertible {
  enum Doing: String, Sendable {
    case start = "first start"
    case reload
    case readdress = "reload with another address"
    case exitUse = "exit switch"
    case teardown

    var isReload: Bool { self == .reload || self == .readdress }
  }

  let node: Node
  let doing: Doing
  var description: String { "\(doing.rawValue) on \(node)" }

  static let all: [CrashSituation] = [
    .init(node: .gateway, doing: .start), .init(node: .gateway, doing: .reload),
    .init(node: .gateway, doing: .readdress), .init(node: .gateway, doing: .exitUse),
    .init(node: .gateway, doing: .teardown), .init(node: .cloudA, doing: .start),
    .init(node: .cloudA, doing: .reload), .init(node: .cloudA, doing: .readdress),
    .init(node: .cloudA, doing: .teardown),
  ]

  /// The gateway's egress IP becomes another.
  var isReaddressed: Bool { node == .gateway && doing == .readdress }

  /// The configuration that the node has, and the one that a reload brings.
  func configurations(in lab: Lab) throws -> (usual: String, other: String) {
    let own = try lab.configuration(for: node)
    guard node == .gateway else {
      let sources = own.replacing("[10.147.17.0/24]", with: "[10.147.17.0/25, 10.147.17.128/26]")
      let address = own.replacing("  wanInterface:", with: "  snat: 203.0.113.50\n  wanInterface:")
      return (own, doing == .readdress ? address : sources)
    }
    let usual = own.replacing("failbackAfter: 2s", with: "failbackAfter: 200ms")
    if doing == .readdress {
      return (
        usual, usual.replacing("egressIP: \(Address.egress)\n", with: "egressIP: \(Address.otherEgress)\n")
      )
    }
    let words = "  routingTable: 300\n  rulePriority: 200\n  whenDown: unreachable\n  egressIP:"
    let first = """
          - name: cloud-a
            address: \(Node.cloudA.tunnelAddress ?? "")
            nodeID: \(Node.cloudA.zeroTierID ?? "")

      """
    let other = usual.replacing("  egressIP:", with: words).replacing(first, with: "")
      .replacing("    interval: 200ms", with: "    through: [tcp://1.1.1.1:443]\n    interval: 200ms")
    return (usual, other)
  }
}

/// What came of a series.
struct CrashOutcome: Sendable {
  let situation: CrashSituation
  /// Messages that change the kernel, in the run that nothing killed.
  var messages = 0
  /// What went wrong, in words.
  var failures: [String] = []
  /// Packets that got past a gateway without its guard: the probes do find a way.
  var leaksWithoutGuard = 0
}
