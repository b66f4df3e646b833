import Glibc

/// Something that is done to the agent's state again and again, and what the kernel announces once it is undone.
struct BenchFault: Sendable {
  enum Act: Sendable {
    case request([RoutingMessage], RoutingSocket.Flags)
    /// A value for a parameter below /proc/sys.
    case write(String, to: Descriptor)
  }

  let title: String
  /// Done before each round, and not timed.
  var prelude: [RoutingMessage] = []
  let act: Act
  /// Octet for octet what was there before: anything else is no repair.
  let restored: Set<RoutingMessage>

  /// How many changes it takes at least.
  var changes: Int { restored.count }

  private init(_ title: String, _ act: Act, restored: [RoutingMessage]) {
    self.title = title
    self.act = act
    self.restored = Set(restored)
  }

  private init(_ title: String, deleting objects: [RoutingMessage]) {
    self.init(title, .request(objects.map { $0.sent(as: $0.type + 1) }, []), restored: objects)
  }
}

/// RTM_* of linux/rtnetlink.h; each DEL is NEW + 1, each GET is NEW + 2.
private enum Message {
  static let newAddress: UInt16 = 20
  static let newRoute: UInt16 = 24
  static let newRule: UInt16 = 32
  static let newParameter: UInt16 = 80
}

extension BenchFault {
  /// Multicast groups, as bits, in which every fault and its repair are announced: RTMGRP_IPV4_IFADDR,
  /// _IPV4_ROUTE, _IPV4_RULE and RTNLGRP_IPV4_NETCONF.
  static let groups: UInt32 = 0x10 | 0x40 | 0x80 | 1 << 23

  /// Those that the plan's units undo as well, whose rule has that priority.
  static func plain(rule priority: UInt32) throws(LabError) -> [BenchFault] {
    let objects = try GatewayObjects(RoutingSocket(), rule: priority)
    return [
      BenchFault("rule deleted", deleting: [objects.rule]),
      BenchFault("route deleted", deleting: [objects.exception]),
      BenchFault("tunnel default deleted", deleting: [objects.tunnelDefault]),
    ]
  }

  /// Everything that can be done to a gateway that is ready. On a thread in its namespace.
  static func all(device: String) throws(LabError) -> [BenchFault] {
    let objects = try GatewayObjects(RoutingSocket(), rule: 150)
    var address = BenchFault(
      "address back: to the tunnel default", .request([objects.address], [.create, .exclusive]),
      restored: [objects.tunnelDefault])
    address.prelude = [objects.address.sent(as: Message.newAddress + 1)]
    return try plain(rule: 150) + [
      BenchFault(
        "tunnel default replaced", .request([objects.strangeDefault], [.create, .replace]),
        restored: [objects.tunnelDefault]),
      BenchFault("table of \(objects.table.count) routes flushed", deleting: objects.table),
      // -1 stands for "all" (NETCONFA_IFINDEX_ALL), whose forwarding is ip_forward.
      try parameter("ip_forward", "ip_forward", NetconfAttribute.forwarding, of: -1, damaged: 0),
      try parameter(
        "rp_filter", "conf/\(device)/rp_filter", NetconfAttribute.reversePathFilter,
        of: Int32(bitPattern: if_nametoindex(device)), damaged: 1),
      address,
    ]
  }

  /// linux/netconf.h
  private enum NetconfAttribute {
    static let forwarding: UInt16 = 2
    static let reversePathFilter: UInt16 = 3
  }

  private static func parameter(
    _ name: String, _ path: String, _ attribute: UInt16, of interface: Int32, damaged: Int32
  ) throws(LabError) -> BenchFault {
    let file = "/proc/sys/net/ipv4/\(path)"
    guard let former = Int32(try readFile(file).filter { $0 != "\n" }), former != damaged else {
      throw LabError("setting \(name) to \(damaged)", "it is so already")
    }
    let descriptor = Descriptor(open(file, O_WRONLY | O_CLOEXEC))
    guard descriptor.number >= 0 else { throw LabError("opening \(file)", errno: errno) }
    // struct netconfmsg with its padding, NETCONFA_IFINDEX, and the value.
    let payload =
      octets(UInt32(AF_INET)) + [8, 0, 1, 0] + octets(interface) + [8, 0] + octets(attribute) + octets(former)
    return BenchFault(
      "\(name) set to \(damaged)", .write("\(damaged)\n", to: descriptor),
      restored: [RoutingMessage(type: Message.newParameter, payload: payload)])
  }
}

/// The agent's objects on a gateway, as the kernel shows them.
private struct GatewayObjects {
  let rule: RoutingMessage
  /// Table 100, and two of its routes.
  let table: [RoutingMessage]
  let exception: RoutingMessage
  let tunnelDefault: RoutingMessage
  /// The uplink's default route in the tunnel's place.
  let strangeDefault: RoutingMessage
  /// The egress IP on the tunnel's device.
  let address: RoutingMessage

  /// Sizes of struct rtmsg, fib_rule_hdr and ifaddrmsg; RTA_DST, RTA_PRIORITY, RTA_TABLE, FRA_PRIORITY and
  /// IFA_LOCAL.
  init(_ socket: RoutingSocket, rule priority: UInt32) throws(LabError) {
    func all(_ type: UInt16, header size: Int) throws(LabError) -> [RoutingMessage] {
      try socket.dump(type + 2, header: [UInt8(AF_INET)] + [UInt8](repeating: 0, count: size - 1))
    }
    func one(_ name: String, of found: [RoutingMessage], _ test: (RoutingMessage) -> Bool) throws(LabError)
      -> RoutingMessage
    {
      guard let first = found.first(where: test) else { throw LabError("looking for the \(name)", "none") }
      return first
    }
    func isDefault(_ route: RoutingMessage) -> Bool {
      route.payload[1] == 0 && route.range(ofAttribute: 6, after: 12) == nil
    }
    let routes = try all(Message.newRoute, header: 12)
    table = routes.filter { $0.payload[4] == 100 }
    exception = try one("exception for 10.0.0.0/8", of: table) {
      $0.payload[1] == 8 && $0.value(ofAttribute: 1, after: 12) == [10, 0, 0, 0]
    }
    tunnelDefault = try one("tunnel's default", of: table, isDefault)
    strangeDefault = try one("uplink's default", of: routes) { $0.payload[4] == 254 && isDefault($0) }
      .moved(toTable: 100)
    rule = try one("rule \(priority)", of: all(Message.newRule, header: 12)) {
      $0.value(ofAttribute: 6, after: 12) == octets(priority)
    }
    address = try one("egress IP", of: all(Message.newAddress, header: 8)) {
      $0.value(ofAttribute: 2, after: 8) == [10, 147, 17, 1]
    }
  }
}

extension RoutingMessage {
  fileprivate func value(ofAttribute number: UInt16, after size: Int) -> [UInt8]? {
    range(ofAttribute: number, after: size).map { Array(payload[$0]) }
  }

  /// A route in another table: rtmsg's table and RTA_TABLE.
  fileprivate func moved(toTable table: UInt8) -> RoutingMessage {
    var moved = self
    moved.payload[4] = table
    if let range = range(ofAttribute: 15, after: 12) {
      moved.payload.replaceSubrange(range, with: octets(UInt32(table)))
    }
    return moved
  }
}
