import Model

extension BlockReason {
  /// Stays the same from version to version.
  public var code: String {
    switch self {
    case .networkUnconfirmed: "zerotier-unconfirmed"
    case .networkStatus: "zerotier-network-status"
    case .notJoined: "zerotier-not-joined"
    case .interfaceUnnamed: "interface-unknown"
    case .interfaceMissing: "interface-missing"
    case .interfaceDown: "interface-down"
    case .egressIPMissing: "egress-ip-missing"
    case .exitsUnproven: "exit-unproven"
    case .exitsUnhealthy: "exit-unhealthy"
    case .pinnedExitDown: "pinned-exit-down"
    case .wanMissing: "wan-missing"
    case .wanOverlap: "wan-overlap"
    case .interfaceIsWAN: "interface-is-wan"
    }
  }

  public var message: String {
    switch self {
    case .networkUnconfirmed(let problem):
      "ZeroTier has not confirmed the network since the agent started\(problem.map { ": \($0)" } ?? "")"
    case .networkStatus(let status, let network): "ZeroTier says \(status) for network \(network)"
    case .notJoined(let network): "this host has not joined ZeroTier network \(network)"
    case .interfaceUnnamed: "the ZeroTier interface's name is not known yet"
    case .interfaceMissing(let name): "there is no interface \(name)"
    case .interfaceDown(let name): "interface \(name) is down"
    case .egressIPMissing(let address, let name): "egress IP \(address) is not on interface \(name)"
    case .exitsUnproven(let names, nil): "no exit has answered a probe yet: \(names.joined(separator: ", "))"
    case .exitsUnproven(_, let problem?): "no exit is known to work: \(problem)"
    case .exitsUnhealthy(let names, let problem, _):
      "no exit works: \(names.joined(separator: ", "))\(problem.map { ": \($0)" } ?? "")"
    case .pinnedExitDown(let name, let problem):
      "traffic is pinned to exit \(name), which does not work\(problem.map { ": \($0)" } ?? "")"
    case .wanMissing(let name):
      name.map { "there is no interface \($0)" } ?? "the main table has no default route"
    case .wanOverlap(let name): "cloud.sources contains the network of WAN interface \(name)"
    case .interfaceIsWAN(let name): "interface \(name) is named as ZeroTier's and leads to the Internet"
    }
  }

  public var remedy: String {
    switch self {
    case .networkUnconfirmed:
      "start zerotier-one and see that the agent may read its token: systemctl status zerotier-one"
    case .networkStatus("ACCESS_DENIED", _): "authorise this node in the network's controller"
    case .networkStatus("NOT_FOUND", _): "check zerotier.networkID; its controller does not know it"
    case .networkStatus: "wait for the network's controller, or check it: zerotier-cli listnetworks"
    case .notJoined(let network): "zerotier-cli join \(network), or correct zerotier.networkID"
    case .interfaceUnnamed: "start zerotier-one, or set zerotier.interface"
    case .interfaceMissing: "start or restart zerotier-one"
    case .interfaceDown(let name):
      "ip link set \(name) up, or restart zerotier-one: it does not repair this by itself"
    case .egressIPMissing(let address, _):
      "assign \(address) to this node in the network's controller, or correct gateway.egressIP; if it was deleted by hand, restart zerotier-one"
    case .exitsUnproven(_, _?):
      "see the exits below; where probes cannot be sent, it is a firewall's output chain or a missing address"
    case .exitsUnproven: "wait for the first probe; then see the exits below"
    case .pinnedExitDown: "liteboxd-agent exit use auto, or see to that exit"
    case .exitsUnhealthy(_, _, .echo):
      "check the cloud server's agent and zerotier-one: ping its ZeroTier address from the egress IP"
    case .exitsUnhealthy(_, _, .through):
      "the exit answers, the Internet behind it does not: see liteboxd-agent status on the cloud server"
    case .exitsUnhealthy(_, _, .publicAddress):
      "see which address the cloud server's WAN has, or correct gateway.probe.publicAddress"
    case .wanMissing(nil): "add a default route, or set cloud.wanInterface"
    case .wanMissing: "correct cloud.wanInterface"
    case .interfaceIsWAN: "correct zerotier.interface or cloud.wanInterface"
    case .wanOverlap: "make cloud.sources the ZeroTier network alone"
    }
  }
}
