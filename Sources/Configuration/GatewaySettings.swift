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

  public init(
    egressIP: IPAddress, exits: [Exit], excludedCIDRs: [CIDR] = standardExclusions,
    routingTable: RoutingTableID = standardTable, rulePriority: RulePriority = standardPriority,
    whenDown: WhenDown = .blackhole, probe: ProbeSettings = ProbeSettings()
  ) {
    self.egressIP = egressIP
    self.exits = exits
    self.excludedCIDRs = excludedCIDRs
    self.routingTable = routingTable
    self.rulePriority = rulePriority
    self.whenDown = whenDown
    self.probe = probe
  }

  /// RFC 1918, loopback, and link-local: where clusters and their metadata services live.
  public static let standardExclusions: [CIDR] = [
    .ipv4(10, 0, 0, 0, 8), .ipv4(172, 16, 0, 0, 12), .ipv4(192, 168, 0, 0, 16), .ipv4(127, 0, 0, 0, 8),
    .ipv4(169, 254, 0, 0, 16),
  ]
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

  public init(name: String, address: IPAddress, nodeID: ZeroTierNodeID? = nil) {
    self.name = name
    self.address = address
    self.nodeID = nodeID
  }
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

/// How an exit is found to be down and up again.
public struct ProbeSettings: Equatable, Sendable {
  /// 100 ms to 1 min.
  public var interval: Duration
  /// How long an answer may take, 10 ms to 1 min.
  public var timeout: Duration
  /// Losses in a row that take an exit out, 1 to 100.
  public var failAfter: Int
  /// Answers in a row that bring it back, 1 to 100.
  public var recoverAfter: Int
  /// How long a preferred exit stays healthy before traffic returns to it, 0 to 1 h.
  public var failbackAfter: Duration

  public init(
    interval: Duration = .seconds(1), timeout: Duration = .seconds(1), failAfter: Int = 3,
    recoverAfter: Int = 5, failbackAfter: Duration = .seconds(60)
  ) {
    self.interval = interval
    self.timeout = timeout
    self.failAfter = failAfter
    self.recoverAfter = recoverAfter
    self.failbackAfter = failbackAfter
  }
}
