/// An nftables table of family inet, as the agent wants it or found it.
///
/// The words are nft(8)'s. A `NftablesRule` is never called a rule alone: that is a policy routing rule.
public struct NftablesTable: Hashable, Sendable {
  public var comment: String
  /// What `nft` prints first: sets, then counters, then chains in the order of their making.
  public var sets: [NftablesSet]
  public var dynamicSets: [NftablesDynamicSet]
  /// Names of named counters.
  public var counters: [String]
  public var chains: [NftablesChain]

  public init(
    comment: String, sets: [NftablesSet], dynamicSets: [NftablesDynamicSet] = [], counters: [String],
    chains: [NftablesChain]
  ) {
    self.comment = comment
    self.sets = sets
    self.dynamicSets = dynamicSets
    self.counters = counters
    self.chains = chains
  }

  /// The table's name is the agent's mark.
  public static let name = "liteboxd"
}

/// A chain: a base chain when it has a hook, else one to jump to.
public struct NftablesChain: Hashable, Sendable {
  public let name: String
  public let hook: Hook?
  public var rules: [NftablesRule]

  public init(_ name: String, hook: Hook? = nil, rules: [NftablesRule]) {
    self.name = name
    self.hook = hook
    self.rules = rules
  }

  public struct Hook: Hashable, Sendable {
    public let type: ChainType
    public let point: HookPoint
    /// Smaller is asked first; conntrack is at −200, source NAT at 100 (linux/netfilter_ipv4.h).
    public let priority: Int32
    public let policy: Policy

    public init(_ type: ChainType, at point: HookPoint, priority: Int32, policy: Policy = .accept) {
      self.type = type
      self.point = point
      self.priority = priority
      self.policy = policy
    }
  }

  public enum ChainType: String, Hashable, Sendable { case filter, nat, route }

  /// Raw values are the kernel's (`NF_INET_*`, linux/netfilter.h).
  public enum HookPoint: UInt32, Hashable, Sendable, CaseIterable {
    case prerouting = 0
    case input, forward, output, postrouting
  }

  /// Raw values are the kernel's (`NF_DROP`, `NF_ACCEPT`).
  public enum Policy: UInt32, Hashable, Sendable {
    case drop = 0
    case accept = 1
  }
}

/// What a chain does with a packet: conditions, then statements, in order.
public struct NftablesRule: Hashable, Sendable {
  public let matches: [NftablesMatch]
  public let statements: [NftablesStatement]
  /// At most 127 octets (nft's own bound).
  public let comment: String

  public init(_ matches: [NftablesMatch], _ statements: [NftablesStatement], comment: String) {
    self.matches = matches
    self.statements = statements
    self.comment = comment
  }
}

public enum Comparison: Hashable, Sendable { case equal, notEqual }
public enum Membership: Hashable, Sendable { case inside, outside }
public enum PacketEnd: Hashable, Sendable { case source, destination }
public enum LinkDirection: Hashable, Sendable { case input, output }

/// Raw values are IANA's protocol numbers.
public enum LayerFourProtocol: UInt8, Hashable, Sendable {
  case icmp = 1
  case tcp = 6
  case udp = 17
}

/// Bits of `ct state` (linux/netfilter/nf_conntrack_common.h, as nft numbers them).
public struct ConnectionState: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  public static let invalid = ConnectionState(rawValue: 1)
  public static let established = ConnectionState(rawValue: 2)
  public static let related = ConnectionState(rawValue: 4)
  public static let new = ConnectionState(rawValue: 8)
}

public enum NftablesMatch: Hashable, Sendable {
  case interface(LinkDirection, Comparison, InterfaceName)
  /// Any link whose name begins so, as nft writes `"zt*"`.
  case interfaceBeginning(LinkDirection, Comparison, String)
  case address(PacketEnd, IPAddress)
  /// `ip saddr 10.0.0.0/8`: what a set of this one network would say, at a fraction of its cost for each packet.
  case addressInNetwork(PacketEnd, Membership, CIDR)
  /// The set's key type says the family.
  case addressInSet(PacketEnd, Membership, set: String, AddressFamily)
  case layerFour(LayerFourProtocol)
  case destinationPortInSet(LayerFourProtocol, set: String)
  case state(ConnectionState)
  /// SYN set and RST not: the packets whose maximum segment size can be clamped.
  case tcpSyn
}

public enum NftablesStatement: Hashable, Sendable {
  case counter(String)
  /// Counts the packet at its IPv4 address's element of a dynamic set, and renews that. Where the set is full the
  /// rule ends here (`NFT_BREAK`), so what has to happen anyway belongs into the next one.
  case countInSet(PacketEnd, set: String)
  /// `meta mark set`
  case setMark(UInt32)
  case accept, drop
  case jump(String)
  case masquerade
  case sourceNAT(IPAddress)
  /// Sets TCP's maximum segment size to what the route's MTU allows.
  case clampMaximumSegmentSize
}

/// A set of intervals. Equal sets match the same values.
public struct NftablesSet: Hashable, Sendable {
  public let name: String
  public let keyType: KeyType
  /// Sorted, and no two touch or overlap.
  public let ranges: [ClosedRange<UInt128>]

  public enum KeyType: Hashable, Sendable {
    case address(AddressFamily)
    /// TCP or UDP ports.
    case port

    /// Octets of a value: 4, 16 or 2.
    public var bytes: Int {
      switch self {
      case .address(let family): family.addressBytes
      case .port: 2
      }
    }
    public var maximum: UInt128 { bytes == 16 ? .max : (1 << (bytes * 8)) - 1 }
  }

  /// Merges the ranges into the fewest.
  public init(_ name: String, _ keyType: KeyType, ranges: some Sequence<ClosedRange<UInt128>>) {
    self.name = name
    self.keyType = keyType
    var merged: [ClosedRange<UInt128>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last, last.upperBound == .max || range.lowerBound <= last.upperBound + 1 {
        merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    self.ranges = merged
  }

  public init(_ name: String, _ family: AddressFamily, networks: some Sequence<CIDR>) {
    let ranges = networks.filter { $0.family == family }.map { $0.address.bits...$0.last.bits }
    self.init(name, .address(family), ranges: ranges)
  }
}
