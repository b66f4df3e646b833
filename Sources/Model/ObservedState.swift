/// What the kernel was found to hold. A domain that was not looked at is nil, and nothing is planned for it.
public struct ObservedState: Sendable {
  public var links: [InterfaceIndex: Link]?
  public var addresses: [InterfaceAddress]?
  /// All rules of the families that were looked at, the system's and others' too: the order among them matters.
  public var rules: [ObservedRule]?
  /// The agent's own tables whole, and what carries its mark in any other.
  public var routes: [ObservedRoute]?
  /// The main table's default routes, best first.
  public var mainDefaults: [Route]?
  /// Unicast routes of the system's table `local`, which all rules stand behind; it has none unless somebody adds one.
  public var strangeLocals: [Route]?
  public var nftables: ObservedNftables?
  public var sysctls: [Sysctl.Key: Int]?
  /// Of the rules: those that were looked at and that this kernel knows. A host booted with `ipv6.disable=1` has no
  /// IPv6, and needs no rule against it.
  public var families = Set(AddressFamily.allCases)
  /// Of the routes: those that were looked at.
  public var routeFamilies = Set(AddressFamily.allCases)
  /// Of the routes: the tables that were looked at; nil: all of the agent's.
  public var routeTables: Set<RoutingTableID>?

  public init() {}

  /// Whether the table's routes are among those that were read.
  public func looksAt(_ table: RoutingTableID) -> Bool { routeTables?.contains(table) ?? true }
}

/// A part of the kernel's state that is read, compared and repaired by itself.
public struct Domains: OptionSet, Hashable, Sendable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }
  public static let links = Domains(rawValue: 1)
  public static let addresses = Domains(rawValue: 2)
  public static let rulesIPv4 = Domains(rawValue: 4)
  public static let routesIPv4 = Domains(rawValue: 8)
  public static let mainDefaults = Domains(rawValue: 16)
  public static let nftables = Domains(rawValue: 32)
  public static let sysctls = Domains(rawValue: 64)
  /// Owned routes in tables that the configuration does not name: left by an earlier one.
  public static let strayRoutes = Domains(rawValue: 128)
  public static let strangeLocals = Domains(rawValue: 256)
  public static let rulesIPv6 = Domains(rawValue: 512)
  public static let routesIPv6 = Domains(rawValue: 1024)
  /// Of both families.
  public static let rules: Domains = [.rulesIPv4, .rulesIPv6]
  public static let routes: Domains = [.routesIPv4, .routesIPv6]
  public static let all = Domains(rawValue: 2047)

  public static func rules(_ family: AddressFamily) -> Domains { family == .ipv4 ? .rulesIPv4 : .rulesIPv6 }
  public static func routes(_ family: AddressFamily) -> Domains {
    family == .ipv4 ? .routesIPv4 : .routesIPv6
  }
  public var ruleFamilies: [AddressFamily] { AddressFamily.allCases.filter { contains(.rules($0)) } }
  public var routeFamilies: [AddressFamily] { AddressFamily.allCases.filter { contains(.routes($0)) } }
}

/// A rule with the message that the kernel gave for it: deleting sends back exactly that.
public struct ObservedRule: Sendable {
  public let rule: RoutingRule
  /// `struct fib_rule_hdr` and attributes.
  public let dump: [UInt8]
  public init(_ rule: RoutingRule, dump: [UInt8]) {
    self.rule = rule
    self.dump = dump
  }
}

/// A route with the message that the kernel gave for it.
public struct ObservedRoute: Sendable {
  public let route: Route
  /// `struct rtmsg` and attributes. Empty: it was not read, and is as the agent makes it.
  public let dump: [UInt8]
  public init(_ route: Route, dump: [UInt8]) {
    self.route = route
    self.dump = dump
  }
}

public enum ObservedNftables: Sendable {
  case absent
  case present(ObservedNftablesTable)
}

/// The table `inet liteboxd` as it is.
public struct ObservedNftablesTable: Sendable {
  public var ownership: Ownership
  public var comment: String
  public var sets: [String: ObservedSet] = [:]
  /// Packets and octets that each named counter has seen.
  public var counters: [String: (packets: UInt64, bytes: UInt64)] = [:]
  public var chains: [ObservedChain] = []
  /// Objects of kinds that the agent never makes, by their kind: they are not its own.
  public var foreignObjects: [String] = []

  public init(ownership: Ownership, comment: String) {
    self.ownership = ownership
    self.comment = comment
  }

  public enum Ownership: Hashable, Sendable {
    /// Anyone with CAP_NET_ADMIN may change it.
    case none
    /// `persist` without an owner: its owner is gone, the next may claim it.
    case orphan
    /// Only the holder of that netlink port may change it.
    case ours
    case another(port: UInt32)
  }
}

/// Both nil: of a type or with flags that the agent never makes.
public struct ObservedSet: Sendable {
  public let set: NftablesSet?
  /// The definition alone: what such a set holds is not looked at.
  public let dynamic: NftablesDynamicSet?

  public init(_ set: NftablesSet?) {
    self.set = set
    dynamic = nil
  }

  public init(_ dynamic: NftablesDynamicSet) {
    set = nil
    self.dynamic = dynamic
  }
}

public struct ObservedChain: Sendable {
  public let name: String
  public let hook: NftablesChain.Hook?
  public var rules: [ObservedNftablesRule]
  public init(_ name: String, hook: NftablesChain.Hook?, rules: [ObservedNftablesRule] = []) {
    self.name = name
    self.hook = hook
    self.rules = rules
  }
}

public struct ObservedNftablesRule: Sendable {
  public let handle: UInt64
  public let expressions: [NftablesExpression]
  public let comment: String
  public init(handle: UInt64, expressions: [NftablesExpression], comment: String) {
    self.handle = handle
    self.expressions = expressions
    self.comment = comment
  }
}
