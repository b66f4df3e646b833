import CMnl
import Model

/// Routes as rtnetlink messages: `struct rtmsg` (12 octets) and `RTA_*` attributes (linux/rtnetlink.h).
enum RouteCodec {
  static let headerSize = 12

  /// ip route add [TYPE] D [via G] dev I table T proto liteboxd metric M
  static func encode(_ route: Route, into message: inout NetlinkMessage) {
    let key = route.key
    var header = [UInt8](repeating: 0, count: headerSize)
    header[0] = key.destination.family.rawValue
    header[1] = UInt8(key.destination.prefixLength)
    header[3] = key.tos
    header[5] = route.value.origin.rawValue
    header[6] = scope(route.value.kind)
    header[7] = type(route.value.kind)
    message.put(raw: header)
    message.put(Int(RTA_TABLE.rawValue), key.table.rawValue)
    if !key.destination.isEverything {
      message.put(Int(RTA_DST.rawValue), key.destination.address.networkOrder)
    }
    if key.metric != .first { message.put(Int(RTA_PRIORITY.rawValue), key.metric.rawValue) }
    guard case .unicast(let hops) = route.value.kind else { return }
    if hops.count == 1, let hop = hops.first {
      if let gateway = hop.gateway { message.put(Int(RTA_GATEWAY.rawValue), gateway.networkOrder) }
      message.put(Int(RTA_OIF.rawValue), hop.interface.rawValue)
    } else {
      message.nest(Int(RTA_MULTIPATH.rawValue)) { nest in
        for hop in hops { encode(hop, into: &nest) }
      }
    }
  }

  /// `struct rtnexthop`: length, flags, weight − 1, link; then its gateway.
  private static func encode(_ hop: Route.NextHop, into message: inout NetlinkMessage) {
    let gateway = hop.gateway?.networkOrder ?? []
    let length = UInt16(8 + (gateway.isEmpty ? 0 : 4 + gateway.count))
    let weight = UInt8(clamping: hop.weight - 1)
    var header = withUnsafeBytes(of: length) { Array($0) } + [0, weight]
    header += withUnsafeBytes(of: hop.interface.rawValue) { Array($0) }
    message.put(raw: header)
    if !gateway.isEmpty { message.put(Int(RTA_GATEWAY.rawValue), gateway) }
  }

  /// nil for a family that the agent does not know, and for copies of routes made for one packet.
  static func decode(_ payload: UnsafeRawBufferPointer) throws(KernelError) -> ObservedRoute? {
    guard payload.count >= headerSize else {
      throw KernelError("reading a route", .malformed("short header"))
    }
    let flags = payload.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
    guard let family = AddressFamily(rawValue: payload[0]), flags & isCloned == 0 else {
      return nil
    }
    var fields = Fields(tableInHeader: payload[4])
    var attributes = NetlinkAttributes(UnsafeRawBufferPointer(rebasing: payload[headerSize...]))
    while let attribute = attributes.next() { fields.take(attribute) }
    guard !attributes.isMalformed else { throw KernelError("reading a route", .malformed("attributes")) }
    let address = fields.destination ?? IPAddress(family: family, bits: 0)
    let key = Route.Key(
      table: fields.table, destination: CIDR(containing: address, prefixLength: Int(payload[1])),
      metric: fields.metric, tos: payload[3])
    let value = Route.Value(
      fields.kind(payload[7]), origin: RouteProtocol(rawValue: payload[5]), others: fields.others)
    return ObservedRoute(Route(key, value), dump: Array(payload))
  }

  /// `RTM_F_CLONED`
  private static let isCloned: UInt32 = 0x200

  /// The message that deletes a dumped route: what was dumped, but for next hops beside a next hop's number, which
  /// the kernel tells together and does not take together.
  static func deletion(of dump: [UInt8]) -> [UInt8] {
    dump.withUnsafeBytes { bytes in
      let attributes = UnsafeRawBufferPointer(rebasing: bytes[headerSize...])
      guard NetlinkAttributes.find(Int(RTA_NH_ID.rawValue), in: attributes) != nil else { return dump }
      var message = NetlinkMessage(type: 0, flags: 0, sequence: 0)
      message.put(raw: Array(bytes[..<headerSize]))
      for attribute in NetlinkAttributes(attributes) where !expansions.contains(attribute.type) {
        message.put(Int(attribute.type), Array(attribute.payload))
      }
      return Array(message.bytes[NetlinkMessage.headerSize...])
    }
  }

  /// What the kernel spells out of a next hop that it knows by number.
  private static let expansions = Set(
    [RTA_OIF, RTA_GATEWAY, RTA_MULTIPATH, RTA_VIA, RTA_ENCAP, RTA_ENCAP_TYPE].map { UInt16($0.rawValue) })

  private static func scope(_ kind: Route.Kind) -> UInt8 {
    guard case .unicast(let hops) = kind, hops.allSatisfy({ $0.gateway == nil }) else { return 0 }
    return 253  // RT_SCOPE_LINK
  }

  private static func type(_ kind: Route.Kind) -> UInt8 {
    switch kind {
    case .unicast: UInt8(RTN_UNICAST)
    case .blackhole: UInt8(RTN_BLACKHOLE)
    case .unreachable: UInt8(RTN_UNREACHABLE)
    case .prohibit: UInt8(RTN_PROHIBIT)
    case .throwToNextRule: UInt8(RTN_THROW)
    case .other(let number): number
    }
  }

  private struct Fields {
    var destination: IPAddress?
    var metric = RouteMetric.first
    var table: RoutingTableID
    var others: Set<UInt16> = []
    private var gateway: IPAddress?
    private var interface: InterfaceIndex?
    private var hops: [Route.NextHop] = []

    init(tableInHeader: UInt8) { table = RoutingTableID(rawValue: UInt32(tableInHeader)) }

    mutating func take(_ attribute: NetlinkAttributes.Attribute) {
      switch rtattr_type_t(rawValue: UInt32(attribute.type)) {
      case RTA_TABLE: table = RoutingTableID(rawValue: attribute.number(UInt32.self) ?? 0)
      case RTA_DST: destination = IPAddress(networkOrder: attribute.payload)
      case RTA_PRIORITY: metric = RouteMetric(rawValue: attribute.number(UInt32.self) ?? 0)
      case RTA_GATEWAY: gateway = IPAddress(networkOrder: attribute.payload)
      case RTA_OIF: interface = attribute.number(UInt32.self).map(InterfaceIndex.init)
      case RTA_MULTIPATH: hops = Self.hops(attribute.payload)
      case RTA_CACHEINFO, RTA_PREF: break  // IPv6 always tells these.
      default: others.insert(attribute.type)
      }
    }

    func kind(_ type: UInt8) -> Route.Kind {
      switch Int(type) {
      case RTN_UNICAST:
        .unicast(hops.isEmpty ? interface.map { [.init(gateway: gateway, interface: $0)] } ?? [] : hops)
      case RTN_BLACKHOLE: .blackhole
      case RTN_UNREACHABLE: .unreachable
      case RTN_PROHIBIT: .prohibit
      case RTN_THROW: .throwToNextRule
      default: .other(type)
      }
    }

    private static func hops(_ bytes: UnsafeRawBufferPointer) -> [Route.NextHop] {
      var hops: [Route.NextHop] = []
      var rest = bytes[...]
      while rest.count >= 8 {
        let here = UnsafeRawBufferPointer(rebasing: rest)
        let length = Int(here.loadUnaligned(as: UInt16.self))
        guard length >= 8, length <= here.count else { break }
        let gateway = NetlinkAttributes.find(
          Int(RTA_GATEWAY.rawValue), in: UnsafeRawBufferPointer(rebasing: here[8..<length]))
        hops.append(
          Route.NextHop(
            gateway: gateway.flatMap { IPAddress(networkOrder: $0.payload) },
            interface: InterfaceIndex(rawValue: here.loadUnaligned(fromByteOffset: 4, as: UInt32.self)),
            weight: Int(here[3]) + 1))
        rest = rest.dropFirst(min((length + 3) & ~3, here.count))
      }
      return hops
    }
  }
}
