import Model

/// `gateway:`, the settings of a node that sends sandboxes' traffic through an exit.
public struct GatewaySettings: Equatable, Sendable {
  /// This node's ZeroTier address, IPv4, to which Cilium rewrites the sandboxes' source.
  public var egressIP: IPAddress
  /// In order of preference; 1 to 64, with unique names and addresses.
  public var exits: [Exit]
  /// Destinations that do not go through the tunnel. They never cover every address.
  public var excludedCIDRs: [CIDR]
  /// The agent owns this table and the next one. Neither is one of the system's.
  public var routingTable: RoutingTableID
  /// Of the first of the agent's rules, 113 to 32762; the others follow without a gap.
  public var rulePriority: RulePriority
  public var whenDown: WhenDown
  public var probe: ProbeSettings
  public var spread: Spread

  public init(
    egressIP: IPAddress, exits: [Exit], excludedCIDRs: [CIDR] = standardExclusions,
    routingTable: RoutingTableID = standardTable, rulePriority: RulePriority = standardPriority,
    whenDown: WhenDown = .blackhole, probe: ProbeSettings = ProbeSettings(), spread: Spread = .none
  ) {
    self.egressIP = egressIP
    self.exits = exits
    self.excludedCIDRs = excludedCIDRs
    self.routingTable = routingTable
    self.rulePriority = rulePriority
    self.whenDown = whenDown
    self.probe = probe
    self.spread = spread
  }

  /// RFC 1918, loopback, and link-local: where clusters and their metadata services live.
  public static let standardExclusions: [CIDR] = [
    .ipv4(10, 0, 0, 0, 8), .ipv4(172, 16, 0, 0, 12), .ipv4(192, 168, 0, 0, 16), .ipv4(127, 0, 0, 0, 8),
    .ipv4(169, 254, 0, 0, 16),
  ]
  /// One for each exit's end-to-end checks, the agent's alone where there are any. Far from what people number by hand.
  public static let checkTables: ClosedRange<UInt32> = 14700...14763
  public static let standardTable = RoutingTableID(rawValue: 100)
  public static let standardPriority = RulePriority(rawValue: 150)
}

/// A cloud server as the gateway sees it.
public struct Exit: Hashable, Sendable {
  /// 1 to 63 of letters, digits, `.`, `_` and `-`; never `auto`, which is a word of `exit use`.
  public var name: String
  /// The cloud server's ZeroTier address.
  public var address: IPAddress
  /// Its ZeroTier node, to tell a direct path from a relayed one.
  public var nodeID: ZeroTierNodeID?
  /// Its share of the flows beside the other exits' weights, with `spread: flows`; 1 to 256, as the kernel has it.
  public var weight: Int

  public init(name: String, address: IPAddress, nodeID: ZeroTierNodeID? = nil, weight: Int = 1) {
    self.name = name
    self.address = address
    self.nodeID = nodeID
    self.weight = weight
  }
}

/// Whether traffic goes through one exit or through several.
public enum Spread: String, Sendable, CaseIterable {
  /// Through the first usable one.
  case none
  /// Each flow through one of the usable ones, so that sandboxes are seen with several public addresses.
  case flows
}

/// What a sandbox sees while no exit may be used (ip-route(8), route types).
public enum WhenDown: String, Sendable, CaseIterable {
  /// Silence.
  case blackhole
  /// ICMP host unreachable.
  case unreachable
  /// ICMP communication administratively prohibited.
  case prohibit
}
