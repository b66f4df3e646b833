import Model

/// All that was read of a host to find the recipe on it.
public struct HostTraces: Sendable {
  /// The recipe's unit and its environment file, for each role. One that was taken over already is not among them.
  public var gatewayUnit: UnitTrace?
  public var cloudUnit: UnitTrace?
  /// Lines of rt_tables files, by name.
  public var tableNames: [String: UInt32] = [:]
  public var rules: [RoutingRule] = []
  /// Of the tables that `candidateTables` names, and of those behind them, both families.
  public var routes: [Route] = []
  public var links: [InterfaceIndex: Link] = [:]
  public var addresses: [InterfaceAddress] = []
  /// What the kernel holds, by the program that lists it: `iptables`, or `iptables-nft` and `iptables-legacy`.
  public var iptables: [String: IptablesListing] = [:]
  /// What iptables-persistent brings back at boot.
  public var savedRules: IptablesListing?

  public init() {}

  public static let gatewayService = "zt-egress-route.service"
  public static let cloudService = "zt-nat.service"
  public static let tableName = "zerotier-egress"
  public static let savedRulesPath = "/etc/iptables/rules.v4"
  public static let tableNamesPath = "/etc/iproute2/rt_tables"
}

/// One of the recipe's units.
public struct UnitTrace: Equatable, Sendable {
  public let name: String
  /// Of the unit's file.
  public let path: String
  public let environmentPath: String
  /// Empty when there is no such file.
  public let environment: [String: String]

  public init(name: String, path: String, environmentPath: String, environment: [String: String]) {
    self.name = name
    self.path = path
    self.environmentPath = environmentPath
    self.environment = environment
  }
}

extension HostTraces {
  /// Tables that a rule of somebody else's sends one IPv4 address to, and the recipe's by name.
  public var candidateTables: Set<RoutingTableID> {
    var tables = Set(rules.compactMap { Self.hostLookup($0)?.table })
    if let named = namedTable { tables.insert(named) }
    return tables
  }

  var namedTable: RoutingTableID? { tableNames[Self.tableName].map { RoutingTableID(rawValue: $0) } }

  /// `from E lookup T` and nothing else, not the agent's and not in one of the system's tables.
  static func hostLookup(_ rule: RoutingRule) -> (source: IPAddress, table: RoutingTableID)? {
    guard !rule.isOwned, rule.family == .ipv4, let source = rule.selector.source, source.isHost,
      rule.selector == RoutingRule.Selector(source: source), case .lookup(let table) = rule.action,
      ![.main, .default, .local].contains(table)
    else { return nil }
    return (source.address, table)
  }

  func isTunnel(_ index: InterfaceIndex) -> Bool { links[index]?.name.text.hasPrefix("zt") ?? false }

  /// IPv4 networks of ZeroTier's links.
  var tunnelNetworks: [CIDR] {
    addresses.filter { isTunnel($0.interface) }.map(\.network).filter { $0.family == .ipv4 }
  }
}

/// A value, and where on the host it stands.
public struct Found<Value: Equatable & Sendable>: Equatable, Sendable {
  public let value: Value
  public let places: [String]

  public init(_ value: Value, at places: [String]) {
    self.value = value
    self.places = places
  }
}

/// The recipe as a gateway has it.
public struct GatewayFinding: Equatable, Sendable {
  public let egressIP: Found<IPAddress>
  /// In order of preference.
  public let exits: [Found<IPAddress>]
  public let table: Found<RoutingTableID>
  public let excluded: Found<[CIDR]>
  public let whenDown: Found<Route.Kind>?
  /// Of the default route; nil while there is none.
  public let device: InterfaceName?
  /// To be removed.
  public let rules: [RoutingRule]
  public let unit: UnitTrace?
  /// What is found and stays.
  public let notes: [String]
}

/// The recipe as a cloud server has it.
public struct CloudFinding: Equatable, Sendable {
  public let sources: [Found<CIDR>]
  public let wan: Found<InterfaceName>
  /// To be removed from the kernel, with the program that does it.
  public let entries: [LiveEntry]
  /// Lines of the saved rules that would bring them back.
  public let saved: [RecipeEntry]
  public let unit: UnitTrace?
  /// What is found and stays.
  public let notes: [String]

  public struct LiveEntry: Equatable, Sendable {
    public let program: String
    public let entry: RecipeEntry
  }
}

/// The recipe as it was found.
public enum FoundRecipe: Equatable, Sendable {
  case gateway(GatewayFinding)
  case cloud(CloudFinding)
}

extension FoundRecipe {
  public var unit: UnitTrace? {
    switch self {
    case .gateway(let finding): finding.unit
    case .cloud(let finding): finding.unit
    }
  }

  /// What is found and stays.
  public var notes: [String] {
    switch self {
    case .gateway(let finding): finding.notes
    case .cloud(let finding): finding.notes
    }
  }
}

/// What the traces come to.
public enum Recognition: Equatable, Sendable {
  case nothing
  case found(FoundRecipe)
  /// Why they cannot be one configuration, each in a sentence.
  case contradictory([String])

  public init(_ host: HostTraces) {
    let gateway = GatewayRecognition(host)
    let cloud = CloudRecognition(host)
    guard !gateway.evidence.isEmpty, !cloud.evidence.isEmpty else {
      self = gateway.evidence.isEmpty ? cloud.result : gateway.result
      return
    }
    self = .contradictory([
      "this host has the recipe of both roles: a gateway's (\(gateway.evidence.joined(separator: ", "))) and a "
        + "cloud server's (\(cloud.evidence.joined(separator: ", "))); remove what it is not to be"
    ])
  }
}
