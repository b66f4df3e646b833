import CMnl
import Model

/// Policy routing rules as rtnetlink messages: `struct fib_rule_hdr` (12 octets) and `FRA_*` attributes
/// (linux/fib_rules.h).
enum RuleCodec {
  static let headerSize = 12

  /// ip rule add priority P from S oif D lookup T protocol liteboxd
  static func encode(_ rule: RoutingRule, into message: inout NetlinkMessage) {
    let selector = rule.selector
    var header = [UInt8](repeating: 0, count: headerSize)
    header[0] = rule.family.rawValue
    header[1] = UInt8(selector.destination?.prefixLength ?? 0)
    header[2] = UInt8(selector.source?.prefixLength ?? 0)
    // Byte 4, the table in eight bits, stays 0 (unspecified): FRA_TABLE has all of it.
    header[7] = action(rule.action)
    message.put(raw: header)
    message.put(FRA_PRIORITY, rule.priority.rawValue)
    if let source = selector.source { message.put(FRA_SRC, source.address.networkOrder) }
    if let destination = selector.destination { message.put(FRA_DST, destination.address.networkOrder) }
    if let name = selector.inputInterface { message.put(FRA_IIFNAME, text: name.text) }
    if let name = selector.outputInterface { message.put(FRA_OIFNAME, text: name.text) }
    if let mark = selector.mark {
      message.put(FRA_FWMARK, mark.value)
      message.put(FRA_FWMASK, mark.mask)
    }
    if case .lookup(let table) = rule.action { message.put(FRA_TABLE, table.rawValue) }
    message.put(FRA_PROTOCOL, rule.origin.rawValue)
  }

  /// nil for a family that the agent does not know.
  static func decode(_ payload: UnsafeRawBufferPointer) throws(KernelError) -> ObservedRule? {
    guard payload.count >= headerSize else { throw KernelError("reading a rule", .malformed("short header")) }
    guard let family = AddressFamily(rawValue: payload[0]) else { return nil }
    var fields = Fields(tableInHeader: payload[4])
    if payload.loadUnaligned(fromByteOffset: 8, as: UInt32.self) & isInverted != 0 {
      fields.selector.others.insert("not")
    }
    if payload[3] != 0 { fields.selector.others.insert("tos \(payload[3])") }
    var attributes = NetlinkAttributes(UnsafeRawBufferPointer(rebasing: payload[headerSize...]))
    while let attribute = attributes.next() { fields.take(attribute, lengths: (payload[1], payload[2])) }
    guard !attributes.isMalformed else { throw KernelError("reading a rule", .malformed("attributes")) }
    let rule = RoutingRule(
      family: family, priority: fields.priority, selector: fields.selector,
      action: fields.action(payload[7]), origin: fields.origin)
    return ObservedRule(rule, dump: Array(payload))
  }

  /// `FIB_RULE_INVERT`
  private static let isInverted: UInt32 = 2

  private static func action(_ action: RoutingRule.Action) -> UInt8 {
    switch action {
    case .lookup, .suppressedLookup: 1  // FR_ACT_TO_TBL
    case .blackhole: 6
    case .unreachable: 7
    case .prohibit: 8
    case .other(let number): number
    }
  }

  private struct Fields {
    var selector = RoutingRule.Selector()
    var priority = RulePriority(rawValue: 0)
    var origin = RouteProtocol(rawValue: 0)
    var table: RoutingTableID
    var isSuppressing = false
    private var mark: UInt32?
    private var mask: UInt32?

    init(tableInHeader: UInt8) { table = RoutingTableID(rawValue: UInt32(tableInHeader)) }

    mutating func take(_ attribute: NetlinkAttributes.Attribute, lengths: (destination: UInt8, source: UInt8))
    {
      switch Int(attribute.type) {
      case FRA_PRIORITY: priority = RulePriority(rawValue: attribute.number(UInt32.self) ?? 0)
      case FRA_TABLE: table = RoutingTableID(rawValue: attribute.number(UInt32.self) ?? 0)
      case FRA_PROTOCOL: origin = RouteProtocol(rawValue: attribute.number(UInt8.self) ?? 0)
      case FRA_SRC: selector.source = Self.network(attribute, lengths.source)
      case FRA_DST: selector.destination = Self.network(attribute, lengths.destination)
      case FRA_IIFNAME: selector.inputInterface = InterfaceName(attribute.text)
      case FRA_OIFNAME: selector.outputInterface = InterfaceName(attribute.text)
      case FRA_FWMARK: mark = attribute.number(UInt32.self)
      case FRA_FWMASK: mask = attribute.number(UInt32.self)
      case FRA_SUPPRESS_PREFIXLEN: isSuppressing = attribute.number(UInt32.self) != .max
      case FRA_PAD: break
      default: selector.others.insert(Self.name(attribute.type))
      }
      if let mark, let mask { selector.mark = .init(value: mark, mask: mask) }
    }

    func action(_ number: UInt8) -> RoutingRule.Action {
      switch number {
      case 1: isSuppressing ? .suppressedLookup(table) : .lookup(table)
      case 6: .blackhole
      case 7: .unreachable
      case 8: .prohibit
      default: .other(number)
      }
    }

    private static func network(_ attribute: NetlinkAttributes.Attribute, _ length: UInt8) -> CIDR? {
      IPAddress(networkOrder: attribute.payload).map { CIDR(containing: $0, prefixLength: Int(length)) }
    }

    private static func name(_ type: UInt16) -> String {
      switch Int(type) {
      case FRA_GOTO: "goto"
      case FRA_FLOW: "realms"
      case FRA_TUN_ID: "tun_id"
      case FRA_SUPPRESS_IFGROUP: "suppress_ifgroup"
      case FRA_L3MDEV: "l3mdev"
      case FRA_UID_RANGE: "uidrange"
      case FRA_IP_PROTO: "ipproto"
      case FRA_SPORT_RANGE: "sport"
      case FRA_DPORT_RANGE: "dport"
      default: "attribute \(type)"
      }
    }
  }
}
