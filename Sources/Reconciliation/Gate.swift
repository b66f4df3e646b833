import Configuration
import Model

/// What ZeroTier last said for certain of the configured network.
public enum NetworkWord: Hashable, Sendable {
  /// Nothing since the agent started, and nothing that an earlier run left open either.
  case none
  /// The kernel still holds the tunnel open as an earlier run of the agent left it: that run had heard OK.
  case inherited
  case ok
  /// Its status, in the API's own word: `ACCESS_DENIED`, …
  case status(String)
  case notJoined

  /// It said for certain that this node is not let in.
  public var isRefusal: Bool {
    switch self {
    case .none, .inherited, .ok: false
    case .status, .notJoined: true
    }
  }
}

/// Where the network's link is.
public enum InterfaceState: Hashable, Sendable {
  /// ZeroTier has not said its name, and the configuration does not.
  case unnamed
  case missing(InterfaceName)
  case present(Link, addresses: [InterfaceAddress])
}

/// Why nothing can flow. Each is by intent, and says what a person can do.
public enum BlockReason: Hashable, Sendable {
  case networkUnconfirmed(apiProblem: String?)
  case networkStatus(String, ZeroTierNetworkID)
  case notJoined(ZeroTierNetworkID)
  case interfaceUnnamed
  case interfaceMissing(InterfaceName)
  case interfaceDown(InterfaceName)
  case egressIPMissing(IPAddress, InterfaceName)
  case exitsUnproven([String], problem: String?)
  /// The problem and the failing check are the first one's.
  case exitsUnhealthy([String], problem: String?, ExitHealth.Check)
  case pinnedExitDown(String, problem: String?)
  case wanMissing(InterfaceName?)
  case wanOverlap(InterfaceName)
  case interfaceIsWAN(InterfaceName)
}

/// What is known that decides between open and closed.
public struct GateFacts: Equatable, Sendable {
  public var network: ZeroTierNetworkID
  public var word: NetworkWord
  /// Why the API gives no answer now, if it gives none.
  public var apiProblem: String?
  public var interface: InterfaceState
  /// Those that the tunnel's link is in, or was in when it was last there: what was theirs stays guarded.
  public var networks: [CIDR]
  /// Why an exit is not known to work, by its name, as far as that is known.
  public var exitProblems: [String: String]

  public init(
    network: ZeroTierNetworkID, word: NetworkWord, apiProblem: String?, interface: InterfaceState,
    networks: [CIDR] = [], exitProblems: [String: String] = [:]
  ) {
    self.network = network
    self.word = word
    self.apiProblem = apiProblem
    self.interface = interface
    self.networks = networks
    self.exitProblems = exitProblems
  }

  public var tunnel: Tunnel? {
    if case .present(let link, _) = interface { Tunnel(link) } else { nil }
  }

  /// The IPv6 networks that the link has an address in.
  public var ipv6Networks: [CIDR] {
    guard case .present(_, let addresses) = interface else { return [] }
    return addresses.map(\.network).filter { $0.family == .ipv6 && !CIDR.linkLocalIPv6.contains($0) }
  }

  /// The link as a gateway's tunnel: the egress IP is on it. A name alone is only what ZeroTier claims.
  public func tunnel(holding address: IPAddress) -> Tunnel? {
    guard case .present(let link, let addresses) = interface,
      addresses.contains(where: { $0.address == address })
    else { return nil }
    return Tunnel(link)
  }

  /// Reasons that concern the tunnel itself, in either role.
  var tunnelReasons: [BlockReason] {
    var reasons: [BlockReason] = []
    switch word {
    case .ok, .inherited: break
    case .none: reasons.append(.networkUnconfirmed(apiProblem: apiProblem))
    case .status(let status): reasons.append(.networkStatus(status, network))
    case .notJoined: reasons.append(.notJoined(network))
    }
    switch interface {
    case .unnamed: reasons.append(.interfaceUnnamed)
    case .missing(let name): reasons.append(.interfaceMissing(name))
    case .present(let link, _): if !link.isUp { reasons.append(.interfaceDown(link.name)) }
    }
    return reasons
  }
}

extension GatewayPolicy {
  /// Opens only when all conditions hold: the link is there and up, the egress IP is on it, ZeroTier's
  /// last definite word was OK, and an exit is chosen, which only probes that were answered bring about.
  public static func decide(
    _ facts: GateFacts, _ gateway: GatewaySettings, _ choice: ExitChoice, _ health: [String: ExitHealth]
  ) -> (policy: GatewayPolicy, reasons: [BlockReason]) {
    var reasons = facts.tunnelReasons
    if case .present(let link, let addresses) = facts.interface,
      !addresses.contains(where: { $0.address == gateway.egressIP })
    {
      reasons.append(.egressIPMissing(gateway.egressIP, link.name))
    }
    let held = facts.tunnel(holding: gateway.egressIP)
    let chosen = gateway.exits.filter { choice.active.contains($0.name) }
    if chosen.isEmpty { reasons.append(exitReason(facts, gateway, choice, health)) }
    guard reasons.isEmpty, let tunnel = held else { return (.closed(tunnel: held), reasons) }
    return (.open(chosen, tunnel: tunnel), [])
  }

  private static func exitReason(
    _ facts: GateFacts, _ gateway: GatewaySettings, _ choice: ExitChoice, _ health: [String: ExitHealth]
  ) -> BlockReason {
    if let pinned = choice.pinned { return .pinnedExitDown(pinned, problem: facts.exitProblems[pinned]) }
    let names = gateway.exits.map(\.name)
    let failed = names.filter { health[$0]?.state == .unhealthy }
    if let first = failed.first {
      return .exitsUnhealthy(
        failed, problem: facts.exitProblems[first], health[first]?.failingCheck ?? .echo)
    }
    return .exitsUnproven(names, problem: names.lazy.compactMap { facts.exitProblems[$0] }.first)
  }
}

extension CloudPolicy {
  public static func decide(_ facts: GateFacts, _ cloud: CloudSettings, wan: WAN?, wanted: InterfaceName?)
    -> (policy: CloudPolicy, reasons: [BlockReason])
  {
    var reasons = facts.tunnelReasons
    guard let wan else {
      return (.closed(tunnel: facts.tunnel, wan: nil), reasons + [.wanMissing(wanted)])
    }
    // A name alone is only what ZeroTier claims: the way out is never the tunnel.
    let tunnel = facts.tunnel.flatMap { $0.name == wan.name ? nil : $0 }
    if let claimed = facts.tunnel, tunnel == nil { reasons.append(.interfaceIsWAN(claimed.name)) }
    let closed = CloudPolicy.closed(tunnel: tunnel, wan: wan)
    if closed.overlaps(cloud.sources) { reasons.append(.wanOverlap(wan.name)) }
    guard reasons.isEmpty, let tunnel else { return (closed, reasons) }
    return (.open(tunnel: tunnel, wan: wan), [])
  }
}
