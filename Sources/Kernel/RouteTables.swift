import CMnl
import Glibc
import Model

/// Reads and changes rules, routes, links and addresses over rtnetlink(7).
final class RouteTables {
  let socket: NetlinkSocket
  var portID: UInt32 { socket.portID }

  init() throws(KernelError) { socket = try NetlinkSocket(.route) }

  // MARK: Reading

  /// ip -4 rule show; ip -6 rule show, of those families that the kernel knows.
  func rules(_ families: [AddressFamily]) throws(KernelError) -> [AddressFamily: [ObservedRule]] {
    var rules: [AddressFamily: [ObservedRule]] = [:]
    for family in families {
      do {
        rules[family] = try settledRules(family)
      } catch  where family == .ipv6 && error.isFamilyMissing {
        continue  // A host booted with ipv6.disable=1 has no IPv6 rules to read.
      }
    }
    return rules
  }

  /// Where the kernel makes the dump in several goes it goes on by counting (dump_rules() of net/core/fib_rules.c):
  /// when a rule comes or goes meanwhile, another is left out or told twice, and no NLM_F_DUMP_INTR says so. Then only
  /// what two readings after each other say of the agent's own rules is taken for true.
  private func settledRules(_ family: AddressFamily) throws(KernelError) -> [ObservedRule] {
    func attempt() -> String { "reading the \(family) rules" }
    var former: [RoutingRule]?
    var tries = DumpTries()
    while tries.areLeft() {
      var found: [ObservedRule] = []
      let span = try socket.dump(
        attempt(), UInt16(RTM_GETRULE), { $0.put(raw: header(family, RuleCodec.headerSize)) },
        restart: { found.removeAll() },
        visit: { (message) throws(KernelError) in
          if let rule = try RuleCodec.decode(message.payload) { found.append(rule) }
        })
      if span == .oneGo { return found }
      let own = found.map(\.rule).filter(\.isOwned)
      if own == former { return found }
      former = own
    }
    throw KernelError(attempt(), .interrupted(tries: tries.count))
  }

  /// ip route show table T
  func routes(in table: RoutingTableID, _ family: AddressFamily) throws(KernelError) -> [ObservedRoute] {
    do {
      let found = try dump(
        "reading the \(family) routes of table \(table)", RTM_GETROUTE, header(family, RouteCodec.headerSize),
        { $0.put(Int(RTA_TABLE.rawValue), table.rawValue) },
        { (payload) throws(KernelError) in try RouteCodec.decode(payload) })
      return found.filter { $0.route.key.table == table }
    } catch  where error.errno == ENOENT {
      return []  // A table that was never filled does not exist.
    } catch  where family == .ipv6 && error.isFamilyMissing {
      return []
    }
  }

  /// ip route show table all proto liteboxd
  func ownedRoutes() throws(KernelError) -> [ObservedRoute] {
    var owned: [ObservedRoute] = []
    for family in AddressFamily.allCases {
      var header = header(family, RouteCodec.headerSize)
      header[5] = RouteProtocol.liteboxd.rawValue
      do {
        owned += try dump("reading the agent's \(family) routes", RTM_GETROUTE, header) {
          (payload) throws(KernelError) in try RouteCodec.decode(payload)
        }
      } catch  where family == .ipv6 && error.isFamilyMissing {
        continue
      }
    }
    return owned.filter(\.route.isOwned)
  }

  /// ip -4 route show default, best first. The kernel cannot filter by destination: what is no default is
  /// passed over by its header alone.
  func mainDefaults() throws(KernelError) -> [Route] {
    let found: [ObservedRoute]
    do {
      found = try dump(
        "reading the main table", RTM_GETROUTE, header(.ipv4, RouteCodec.headerSize),
        { $0.put(Int(RTA_TABLE.rawValue), RoutingTableID.main.rawValue) },
        { (payload) throws(KernelError) -> ObservedRoute? in
          guard payload.count >= 2, payload[1] == 0 else { return nil }
          return try RouteCodec.decode(payload)
        })
    } catch  where error.errno == ENOENT {
      return []  // No route was ever made: a host without a network.
    }
    return found.map(\.route).filter { $0.key.table == .main }.sorted { $0.key.metric < $1.key.metric }
  }

  /// ip -4 route show table local type unicast
  func strangeLocals() throws(KernelError) -> [Route] {
    var header = header(.ipv4, RouteCodec.headerSize)
    header[7] = UInt8(RTN_UNICAST)
    let found = try dump(
      "reading table local", RTM_GETROUTE, header,
      { $0.put(Int(RTA_TABLE.rawValue), RoutingTableID.local.rawValue) },
      { (payload) throws(KernelError) in try RouteCodec.decode(payload) })
    return found.map(\.route).filter { route in
      if case .unicast = route.value.kind { route.key.table == .local } else { false }
    }
  }

  /// ip link show
  func links() throws(KernelError) -> [InterfaceIndex: Link] {
    let links = try dump("reading the links", RTM_GETLINK, [UInt8](repeating: 0, count: 16)) {
      (payload) throws(KernelError) in try LinkCodec.decodeLink(payload)
    }
    return Dictionary(links.map { ($0.index, $0) }) { _, last in last }
  }

  /// ip address show
  func addresses() throws(KernelError) -> [InterfaceAddress] {
    try dump("reading the addresses", RTM_GETADDR, [UInt8](repeating: 0, count: 8)) {
      (payload) throws(KernelError) in try LinkCodec.decodeAddress(payload)
    }
  }

  private func header(_ family: AddressFamily, _ size: Int) -> [UInt8] {
    [family.rawValue] + [UInt8](repeating: 0, count: size - 1)
  }

  private func dump<T>(
    _ attempt: @autoclosure () -> String, _ type: Int, _ header: [UInt8],
    _ filter: (inout NetlinkMessage) -> Void = { _ in },
    _ decode: (UnsafeRawBufferPointer) throws(KernelError) -> T?
  ) throws(KernelError) -> [T] {
    var found: [T] = []
    try socket.dump(
      attempt(), UInt16(type),
      { message in
        message.put(raw: header)
        filter(&message)
      },
      restart: { found.removeAll() },
      visit: { (message) throws(KernelError) in
        if let value = try decode(message.payload) { found.append(value) }
      })
    return found
  }

  // MARK: Changing

  /// ip route add
  func add(_ route: Route) throws(KernelError) {
    try change("adding route \(text(route))", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL) {
      RouteCodec.encode(route, into: &$0)
    }
  }

  /// ip route replace
  func replace(_ route: Route) throws(KernelError) {
    try change("replacing route \(text(route))", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE) {
      RouteCodec.encode(route, into: &$0)
    }
  }

  /// ip route del; one that is gone already is no error.
  func delete(_ route: ObservedRoute) throws(KernelError) {
    do {
      try change("deleting route \(text(route.route))", RTM_DELROUTE, 0) {
        if route.dump.isEmpty {
          RouteCodec.encode(route.route, into: &$0)
        } else {
          $0.put(raw: RouteCodec.deletion(of: route.dump))
        }
      }
    } catch  where error.errno == ESRCH || error.errno == ENODEV {}
  }

  /// ip rule add. Without NLM_F_EXCL, so that another's equal rule is not in the way.
  func add(_ rule: RoutingRule) throws(KernelError) {
    try change("adding rule \(rule)", RTM_NEWRULE, NLM_F_CREATE) { RuleCodec.encode(rule, into: &$0) }
  }

  /// ip rule del; one that is gone already is no error.
  func delete(_ rule: ObservedRule) throws(KernelError) {
    do {
      try change("deleting rule \(rule.rule)", RTM_DELRULE, 0) { $0.put(raw: rule.dump) }
    } catch  where error.errno == ENOENT {}
  }

  private func change(
    _ attempt: @autoclosure () -> String, _ type: Int, _ flags: Int32, _ build: (inout NetlinkMessage) -> Void
  ) throws(KernelError) {
    try socket.request(attempt(), UInt16(type), flags: flags, build)
  }

  private func text(_ route: Route) -> String { route.text { _ in nil } }
}

extension KernelError {
  /// The kernel runs without this family.
  var isFamilyMissing: Bool { errno == EOPNOTSUPP || errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT }
}
