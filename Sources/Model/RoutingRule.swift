/// A policy routing rule, as `ip rule` writes it.
///
/// The kernel keeps any number of equal rules, so the whole value is the identity: a rule that differs in
/// one field is another rule.
public struct RoutingRule: Hashable, Sendable {
  public let family: AddressFamily
  public let priority: RulePriority
  public let selector: Selector
  public let action: Action
  public let origin: RouteProtocol

  public init(
    family: AddressFamily, priority: RulePriority, selector: Selector, action: Action,
    origin: RouteProtocol = .liteboxd
  ) {
    self.family = family
    self.priority = priority
    self.selector = selector
    self.action = action
    self.origin = origin
  }

  /// Which packets the rule is for; nil matches any.
  public struct Selector: Hashable, Sendable {
    public var source: CIDR?
    public var destination: CIDR?
    public var inputInterface: InterfaceName?
    public var outputInterface: InterfaceName?
    /// Mark and mask (`FRA_FWMARK`, `FRA_FWMASK`).
    public var mark: Mark?
    /// Names of selectors that the agent reads but never makes: `not`, `ipproto`, `uidrange`, …
    public var others: Set<String>

    public init(
      source: CIDR? = nil, destination: CIDR? = nil, inputInterface: InterfaceName? = nil,
      outputInterface: InterfaceName? = nil, mark: Mark? = nil, others: Set<String> = []
    ) {
      self.source = source
      self.destination = destination
      self.inputInterface = inputInterface
      self.outputInterface = outputInterface
      self.mark = mark
      self.others = others
    }
  }

  public struct Mark: Hashable, Sendable {
    public let value: UInt32
    public let mask: UInt32
    public init(value: UInt32, mask: UInt32) {
      self.value = value
      self.mask = mask
    }
  }

  /// What the rule does (`FR_ACT_*`, linux/fib_rules.h).
  public enum Action: Hashable, Sendable {
    case lookup(RoutingTableID)
    /// A lookup that ignores what it finds below a prefix length (`suppress_prefixlength`).
    case suppressedLookup(RoutingTableID)
    case blackhole, unreachable, prohibit
    case other(UInt8)

    /// Where packets are looked up; nil: they are not.
    public var table: RoutingTableID? {
      switch self {
      case .lookup(let table), .suppressedLookup(let table): table
      case .blackhole, .unreachable, .prohibit, .other: nil
      }
    }
  }

  public var isOwned: Bool { origin == .liteboxd }

  /// Whether a packet that has this source and comes from anywhere could be decided by this rule.
  public func mayMatch(source: IPAddress) -> Bool {
    guard family == source.family, selector.mark == nil else { return false }
    // `not` turns all of the selector round, so that any other part of it may match as well.
    if selector.others.contains("not") {
      let isSourceAlone = selector == Selector(source: selector.source, others: ["not"])
      return !isSourceAlone || !(selector.source?.contains(source) ?? true)
    }
    return selector.source?.contains(source) ?? true
  }
}

extension RoutingRule: CustomStringConvertible {
  /// As `ip rule add` takes it, behind `ip rule add` or `ip rule del`.
  public var description: String {
    var words = ["priority \(priority)"]
    if selector.others.contains("not") { words.append("not") }
    words.append("from \(selector.source.map(Self.prefix) ?? "all")")
    if let destination = selector.destination { words.append("to \(Self.prefix(destination))") }
    if let name = selector.inputInterface { words.append("iif \(name.text.shellWord)") }
    if let name = selector.outputInterface { words.append("oif \(name.text.shellWord)") }
    if let mark = selector.mark {
      words.append("fwmark 0x\(String(mark.value, radix: 16))/0x\(String(mark.mask, radix: 16))")
    }
    words += selector.others.subtracting(["not"]).sorted()
    switch action {
    case .lookup(let table): words.append("lookup \(table)")
    case .suppressedLookup(let table): words.append("lookup \(table) suppress")
    case .blackhole: words.append("blackhole")
    case .unreachable: words.append("unreachable")
    case .prohibit: words.append("prohibit")
    case .other(let number): words.append("action \(number)")
    }
    words.append("protocol \(origin)")
    return words.joined(separator: " ")
  }

  private static func prefix(_ network: CIDR) -> String {
    network.isHost ? "\(network.address)" : "\(network)"
  }
}
