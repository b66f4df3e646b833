/// A route of one routing table.
public struct Route: Hashable, Sendable {
  public let key: Key
  public var value: Value

  public init(_ key: Key, _ value: Value) {
    self.key = key
    self.value = value
  }

  /// What the kernel tells routes of a table apart by, and what orders them.
  public struct Key: Hashable, Sendable {
    public let table: RoutingTableID
    public let destination: CIDR
    public let metric: RouteMetric
    /// Type of service; 0 in every route that the agent makes.
    public let tos: UInt8

    public init(table: RoutingTableID, destination: CIDR, metric: RouteMetric = .first, tos: UInt8 = 0) {
      self.table = table
      self.destination = destination
      self.metric = metric
      self.tos = tos
    }
  }

  /// What may drift under a key.
  public struct Value: Hashable, Sendable {
    public var kind: Kind
    public var origin: RouteProtocol
    /// Attributes that the agent reads but never sets, by number (`RTA_*`): a preferred source, metrics, …
    public var others: Set<UInt16>

    public init(_ kind: Kind, origin: RouteProtocol = .liteboxd, others: Set<UInt16> = []) {
      self.kind = kind
      self.origin = origin
      self.others = others
    }
  }

  /// What becomes of a packet (`rtm_type`, linux/rtnetlink.h).
  public enum Kind: Hashable, Sendable {
    case unicast([NextHop])
    case blackhole, unreachable, prohibit
    /// This table has nothing to say: on to the next rule.
    case throwToNextRule
    case other(UInt8)
  }

  public struct NextHop: Hashable, Sendable {
    /// nil: the destination is on the link itself.
    public let gateway: IPAddress?
    public let interface: InterfaceIndex
    /// 1 to 256, among the next hops of one route.
    public let weight: Int

    public init(gateway: IPAddress?, interface: InterfaceIndex, weight: Int = 1) {
      self.gateway = gateway
      self.interface = interface
      self.weight = weight
    }
  }

  public var isOwned: Bool { value.origin == .liteboxd }

  /// Whether it sends packets anywhere, instead of dropping them or passing them on to the next rule.
  public var carriesTraffic: Bool {
    switch value.kind {
    case .unicast, .other: true
    case .blackhole, .unreachable, .prohibit, .throwToNextRule: false
    }
  }
}

extension Route.Kind {
  /// `via` one gateway on one link.
  public static func gateway(_ address: IPAddress, via interface: InterfaceIndex) -> Route.Kind {
    .unicast([Route.NextHop(gateway: address, interface: interface)])
  }

  /// Reached on the link without a gateway.
  public static func onLink(_ interface: InterfaceIndex) -> Route.Kind {
    .unicast([Route.NextHop(gateway: nil, interface: interface)])
  }
}

extension Route {
  /// As `ip route add` takes it. `name` gives a link's name; a number without a name is written `if7`.
  public func text(naming name: (InterfaceIndex) -> String?) -> String {
    var words: [String] = []
    switch value.kind {
    case .unicast: break
    case .blackhole: words.append("blackhole")
    case .unreachable: words.append("unreachable")
    case .prohibit: words.append("prohibit")
    case .throwToNextRule: words.append("throw")
    case .other(let number): words.append("type \(number)")
    }
    let destination = key.destination
    words.append(
      destination.isEverything ? "default" : destination.isHost ? "\(destination.address)" : "\(destination)")
    if case .unicast(let hops) = value.kind { words += hops.map { Self.text($0, of: hops.count, name) } }
    words.append("table \(key.table) proto \(value.origin)")
    if key.metric != .first { words.append("metric \(key.metric)") }
    if key.tos != 0 { words.append("tos \(key.tos)") }
    return words.joined(separator: " ")
  }

  private static func text(_ hop: NextHop, of count: Int, _ name: (InterfaceIndex) -> String?) -> String {
    let gateway = hop.gateway.map { "via \($0) " } ?? ""
    let single = gateway + "dev \(name(hop.interface)?.shellWord ?? "if\(hop.interface)")"
    return count == 1 ? single : "nexthop \(single) weight \(hop.weight)"
  }
}
