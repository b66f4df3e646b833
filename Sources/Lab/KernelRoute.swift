/// An IPv4 route as an event of the kernel's shows it (rtnetlink(7)), as far as scenarios ask.
public struct KernelRoute: Hashable, Sendable {
  public let table: UInt32
  /// Of the destination; 0 for a default route.
  public let prefixLength: Int
  /// Whether it forwards: a blackhole does not.
  public let isUnicast: Bool
  /// The next hops' addresses, more than one with multipath.
  public let gateways: [String]

  /// nil for what is no IPv4 route.
  init?(_ message: RoutingMessage) {
    let payload = message.payload
    // struct rtmsg: family, prefix length, …, table at 4, …, type at 7; RTN_UNICAST is 1.
    guard payload.count >= Self.header, payload[0] == 2 else { return nil }
    // RTA_TABLE
    let table = message.range(ofAttribute: 15, after: Self.header).map { Array(payload[$0]) }
    self.table = table.map(KernelRoute.number) ?? UInt32(payload[4])
    prefixLength = Int(payload[1])
    isUnicast = payload[7] == 1
    gateways = KernelRoute.gateways(message)
  }

  private static let header = 12

  private static func number(_ octets: [UInt8]) -> UInt32 {
    octets.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  private static func gateways(_ message: RoutingMessage) -> [String] {
    // RTA_GATEWAY
    if let range = message.range(ofAttribute: 5, after: header) { return [text(message.payload[range])] }
    // RTA_MULTIPATH: struct rtnexthop, its length first and 8 octets long, each with attributes behind it.
    guard let all = message.range(ofAttribute: 9, after: header) else { return [] }
    var (found, rest) = ([String](), message.payload[all])
    while rest.count >= 8, let low = rest.first {
      let length = Int(low) | Int(rest[rest.startIndex + 1]) << 8
      guard length >= 8, length <= rest.count else { break }
      let hop = RoutingMessage(type: message.type, payload: Array(rest.prefix(length)))
      if let range = hop.range(ofAttribute: 5, after: 8) { found.append(text(hop.payload[range])) }
      rest = rest.dropFirst((length + 3) & ~3)
    }
    return found
  }

  private static func text(_ address: some Sequence<UInt8>) -> String {
    address.map { "\($0)" }.joined(separator: ".")
  }
}

extension KernelWatch {
  /// What became of the tunnel's default route: the way out of the agent's table.
  public struct TunnelDefault: Hashable, Sendable, CustomStringConvertible {
    public let time: Moment
    /// Where it leads; empty: it is gone.
    public let exits: [String]

    public var isOpen: Bool { !exits.isEmpty }
    public var description: String { isOpen ? "through \(exits.joined(separator: " and "))" : "closed" }
  }

  /// Each change of it since then, in the order in which they came. The kernel says nothing of routes that go with
  /// their link (net/ipv4/fib_frontend.c).
  public func tunnelDefaults(since moment: Moment, table: UInt32 = 100) -> [TunnelDefault] {
    events(since: moment).compactMap { event in
      guard let route = event.route, route.table == table, route.prefixLength == 0, route.isUnicast else {
        return nil
      }
      return TunnelDefault(time: event.time, exits: event.change == .added ? route.gateways : [])
    }
  }

  /// Waits for the first change since then that passes the test.
  public func waitForTunnelDefault(
    since moment: Moment, within limit: Duration, _ test: (TunnelDefault) -> Bool
  ) throws(LabError) -> TunnelDefault {
    let found = eventually(within: limit, step: .milliseconds(2)) {
      tunnelDefaults(since: moment).first(where: test)
    }
    if let found { return found }
    throw LabError(
      "waiting for the tunnel's default route",
      "not after \(limit); since then: \(tunnelDefaults(since: moment))")
  }
}
