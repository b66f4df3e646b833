import Glibc
import JSON
import Lab
import Testing

/// A host as it is found at three in the morning.
enum BrokenHost: String, CaseIterable, Sendable {
  case noZeroTier = "no-zerotier"
  case wrongNetwork = "wrong-network"
  case unauthorised
  case peerDead = "peer-dead"
  case forwardingOff = "forwarding-off"
  case dockerDrop = "docker-drop"
  case foreignRule = "foreign-rule"
  case tableTaken = "table-taken"
  case reversePath = "rp-filter"
  case relayed

  var node: Node {
    switch self {
    case .forwardingOff, .dockerDrop: .cloudA
    case .noZeroTier, .wrongNetwork, .unauthorised, .peerDead, .foreignRule, .tableTaken, .reversePath,
      .relayed:
      .gateway
    }
  }

  /// What has to be read in the first lines of either page.
  var words: (status: [String], doctor: [String]) {
    switch self {
    case .noZeroTier:
      (
        ["there is no interface ztwb2oxa4k", "start or restart zerotier-one"],
        ["refuses connections", "start zerotier-one"]
      )
    case .wrongNetwork:
      same("has not joined ZeroTier network \(Self.otherNetwork)", "zerotier-cli join \(Self.otherNetwork)")
    case .unauthorised: same("ZeroTier says ACCESS_DENIED", "authorise this node in the network's controller")
    case .peerDead: same("no answer to ICMP echo", "check the cloud server's agent and zerotier-one")
    case .forwardingOff:
      (
        ["net/ipv4/ip_forward=1: open: read-only", "sysctl -w net/ipv4/ip_forward=1"],
        ["net.ipv4.ip_forward is 0", "sysctl -w net.ipv4.ip_forward=1"]
      )
    case .dockerDrop:
      same("chain FORWARD of nftables table ip filter has policy drop", "iptables -I DOCKER-USER")
    case .foreignRule:
      same("priority 100 from \(Address.egress) lookup main", "give it a priority above the agent's")
    case .tableTaken: same("another process holds nftables table inet liteboxd", "stop that process")
    case .reversePath:
      (
        ["rp_filter=2: open: read-only", "sysctl -w net/ipv4/conf/ztwb2oxa4k/rp_filter=2"],
        ["rp_filter is strict on ztwb2oxa4k", "sysctl -w net.ipv4.conf.ztwb2oxa4k.rp_filter=2"]
      )
    case .relayed: same("relayed by a ZeroTier root", "open UDP 9993")
    }
  }

  private func same(_ words: String...) -> (status: [String], doctor: [String]) { (words, words) }

  static let otherNetwork = "8056c2e21c000001"

  /// In the status, once the daemon knows.
  private var code: String {
    switch self {
    case .noZeroTier: "zerotier-api-refused"
    case .wrongNetwork: "zerotier-not-joined"
    case .unauthorised: "zerotier-network-status"
    case .peerDead: "exit-unhealthy"
    case .forwardingOff, .reversePath: "kernel-refused"
    case .dockerDrop: "foreign-forward-drop"
    case .foreignRule: "foreign-rule-ahead"
    case .tableTaken: "table-held"
    case .relayed: "exit-relayed"
    }
  }

  /// Breaks it and waits until its daemon, which may be another one then, has noticed.
  func make(of stage: Stage) throws -> AgentProcess {
    let agent = try hurt(stage)
    // A relayed path is told of after a minute.
    try agent.waitForStatus(code, within: self == .relayed ? .seconds(75) : .seconds(15)) { status in
      let findings = (status["reasons"]?.array ?? []) + (status["warnings"]?.array ?? [])
      return findings.contains { $0["code"]?.string == code }
    }
    return agent
  }

  private func hurt(_ stage: Stage) throws -> AgentProcess {
    let (lab, gateway) = (stage.lab, stage.gateway)
    let namespace = try lab.namespace(node)
    switch self {
    case .noZeroTier: try lab.zeroTier(.gateway).kill()
    case .wrongNetwork:
      let text = try lab.configuration(for: .gateway)
      try gateway.program.rewrite(
        configuration: text.replacing(ZeroTierNode.networkID, with: Self.otherNetwork))
      _ = try gateway.run(["reload"])
    case .unauthorised: try lab.zeroTier(.gateway).tell(.network(.deauthorised))
    case .peerDead: try lab.cut(.cloudA)
    case .forwardingOff: return try restart(stage.cloud, in: lab, unableToSet: "net.ipv4.ip_forward", to: "0")
    case .dockerDrop: try namespace.nft(ruleset: Self.dockers)
    case .foreignRule: try namespace.ip("rule add from \(Address.egress) lookup main priority 100")
    case .tableTaken: return try restart(gateway, in: lab)
    case .reversePath:
      let device = try lab.zeroTier(.gateway).device
      return try restart(gateway, in: lab, unableToSet: "net.ipv4.conf.\(device).rp_filter", to: "1")
    case .relayed: try lab.zeroTier(.gateway).tell(.peer(.cloudA, .relayed))
    }
    return node == .gateway ? gateway : stage.cloud
  }

  private static let dockers = """
    table ip filter {
      chain DOCKER-USER { return; }
      chain FORWARD {
        type filter hook forward priority filter; policy drop;
        jump DOCKER-USER
        oifname "docker0" accept
      }
    }
    """

  /// Another run of the agent, which finds that parameter so and /proc/sys read-only, as in a careless container.
  private func restart(
    _ agent: AgentProcess, in lab: Lab, unableToSet parameter: String, to value: String
  ) throws -> AgentProcess {
    agent.kill()
    try lab.namespace(node).setSysctls([parameter: value])
    let script = "mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && exec \"$@\""
    return try lab.startAgent(on: node, wrapper: ["unshare", "--mount", "sh", "-c", script, "sh"])
  }

  /// Another run of the agent, which finds its table somebody else's.
  private func restart(_ agent: AgentProcess, in lab: Lab) throws -> AgentProcess {
    agent.kill()
    let namespace = try lab.namespace(node)
    try namespace.nft("delete", "table", "inet", "liteboxd")
    let holder = """
      { echo 'add table inet liteboxd { flags owner; }'; exec sleep 120; } | exec nft -i
      """
    // It goes with the lab's namespaces' last process at the latest, two minutes later.
    try namespace.execute(["sh", "-c", "setsid sh -c \"\(holder)\" </dev/null >/dev/null 2>&1 &"]).output()
    let isHeld = try eventually(within: .seconds(5)) {
      try namespace.nft("list", "tables").contains("liteboxd") ? true : nil
    }
    #expect(isHeld == true)
    return try lab.startAgent(on: node)
  }
}
