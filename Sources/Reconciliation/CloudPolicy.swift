import Configuration
import Model

/// What a cloud server lets through. docs/fail-closed.md goes through these states one by one.
public enum CloudPolicy: Equatable, Sendable {
  /// Nothing from or to a ZeroTier address is forwarded.
  case closed(tunnel: Tunnel?, wan: WAN?)
  /// The sources reach what is allowed, as the server itself; answers come back.
  case open(tunnel: Tunnel, wan: WAN)

  public var tunnel: Tunnel? {
    switch self {
    case .closed(let tunnel, _): tunnel
    case .open(let tunnel, _): tunnel
    }
  }

  public var wan: WAN? {
    switch self {
    case .closed(_, let wan): wan
    case .open(_, let wan): wan
    }
  }
}

/// The link to the Internet.
public struct WAN: Hashable, Sendable {
  public let name: InterfaceName
  public let addresses: [InterfaceAddress]

  public init(name: InterfaceName, addresses: [InterfaceAddress]) {
    self.name = name
    self.addresses = addresses
  }
}

/// What else is known of where a cloud server stands.
public struct CloudSurroundings: Equatable, Sendable {
  /// The ZeroTier networks that the tunnel's link is in, as its addresses say.
  public let networks: [CIDR]
  /// Links that have an address in a range of ZeroTier's and are neither the tunnel nor the WAN: such addresses are
  /// reached by them without it.
  public let neighbours: [InterfaceName]

  public init(networks: [CIDR], neighbours: [InterfaceName] = []) {
    self.networks = networks
    self.neighbours = neighbours
  }
}

extension DesiredState {
  public init(
    _ policy: CloudPolicy, _ cloud: CloudSettings, network: ZeroTierNetworkID,
    _ surroundings: CloudSurroundings
  ) {
    self.init(
      nftables: CloudRuleset(policy, cloud, network: network, surroundings).table,
      // Flows that a gateway moves here are answered with a reset, so that clients connect anew at once. Untranslated
      // they would hang: decision 0004.
      sysctls: [Sysctl(.ipv4Forwarding, 1), Sysctl(.midstreamPickup, 1)]
        + [policy.tunnel?.name, policy.wan?.name].compactMap { $0 }.map { Sysctl(.linkForwarding($0), 1) })
  }
}
