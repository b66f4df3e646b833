import JSON
import Lab
import Testing

/// What somebody does to a node, and takes back.
struct PassingFault: Sendable, CustomTestStringConvertible {
  let node: Node
  /// The code of the reason or warning that the node's agent gives while it stands; nil: it is repaired, or does no
  /// harm that an agent could see.
  let told: String?
  /// Commands for sh(1) in the node's namespace; `$zt` is the tunnel's link there.
  let act: String
  let undo: String
  var testDescription: String { "\(node): \(act)" }

  init(_ act: String, on node: Node = .gateway, told: String? = nil, undo: String = "true") {
    (self.node, self.told, self.act, self.undo) = (node, told, act, undo)
  }

  static let all = [
    PassingFault(
      "ip link set $zt down; ip link set $zt name strange0; ip link set strange0 up",
      told: "interface-missing",
      undo: "ip link set strange0 down; ip link set strange0 name $zt; ip link set $zt up"),
    PassingFault(
      "ip link add bridge9 type bridge; ip link set bridge9 up; ip link set $zt master bridge9",
      told: "exit-unhealthy", undo: "ip link del bridge9"),
    PassingFault(
      "ip addr del 10.147.17.1/24 dev $zt; ip addr add 10.147.17.1/32 dev lo", told: "egress-ip-missing",
      undo: "ip addr del 10.147.17.1/32 dev lo; ip addr add 10.147.17.1/24 dev $zt"),
    PassingFault(
      "ip addr change 10.147.17.1/24 dev $zt valid_lft 1 preferred_lft 1", told: "egress-ip-missing",
      undo: "ip addr add 10.147.17.1/24 dev $zt"),
    PassingFault(
      "ip neigh replace 10.147.17.2 lladdr 02:00:00:00:00:99 dev $zt nud permanent", told: "exit-unhealthy",
      undo: "ip neigh del 10.147.17.2 dev $zt"),
    PassingFault(
      "ip xfrm policy add dir out src 10.147.17.1 dst 0.0.0.0/0 action block", told: "exit-unproven",
      undo: "ip xfrm policy flush"),
    PassingFault("ip addr add 10.147.17.1/32 dev uplink0", undo: "ip addr del 10.147.17.1/32 dev uplink0"),
    PassingFault("sysctl -qw net.ipv4.conf.all.forwarding=0"),
    PassingFault("sysctl -qw net.ipv4.conf.all.forwarding=0", on: .cloudA),
    PassingFault("sysctl -qw net.ipv4.conf.$zt.forwarding=0"),
    PassingFault("sysctl -qw net.ipv4.conf.$zt.forwarding=0 net.ipv4.conf.eth0.forwarding=0", on: .cloudA),
    PassingFault(
      "nft 'add table ip t9; add chain ip t9 c { type filter hook prerouting priority raw; }; add rule ip t9 c notrack'",
      on: .cloudA, undo: "nft delete table ip t9"),
    PassingFault(
      "ip route add 203.0.113.0/24 via 198.51.100.1 dev uplink0 table local", told: "foreign-route-ahead",
      undo: "ip route del 203.0.113.0/24 table local"),
    PassingFault("ip rule add pref 32000 goto 32766", undo: "ip rule del pref 32000"),
    PassingFault(
      "ip link set uplink0 down", undo: "ip link set uplink0 up; ip route add default via 198.51.100.1"),
  ]
}

@Suite("What somebody does and takes back", .serialized)
struct PassingFaultTests {
  @Test(
    "leaks nothing, is told of if it stays, and traffic flows once it is over", arguments: PassingFault.all)
  func passing(_ fault: PassingFault) throws {
    let stage = try Stage()
    let agent = fault.node == .gateway ? stage.gateway : stage.cloud
    let device = try stage.lab.zeroTier(fault.node).device
    let before = try stage.state(of: fault.node)
    func perform(_ script: String) throws {
      try stage.lab.namespace(fault.node).execute(["sh", "-ec", "zt=\(device); \(script)"]).output()
    }
    try stage.underTraffic { traffic in
      try perform(fault.act)
      if let told = fault.told {
        try agent.waitForStatus(told, within: .seconds(5)) { status in
          let findings = [status["reasons"], status["warnings"]].flatMap { $0?.array ?? [] }
          return findings.contains { $0["code"]?.string == told }
        }
      }
      stage.lab.letPass(.milliseconds(300))
      try perform(fault.undo)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    try stage.waitForState(before, of: fault.node)
    try stage.expectInSync(agent)
    try stage.gateway.waitFor(phase: "ready", within: .seconds(10))
    try stage.cloud.waitFor(phase: "ready", within: .seconds(5))
  }
}
