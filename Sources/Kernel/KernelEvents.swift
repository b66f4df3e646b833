import CLinux
import CMnl
import CNftnl
import Glibc
import Model

/// Multicast notifications of what changed, whoever changed it. They wake the loop, and tell what of it can be undone at
/// once: what is true is read from the kernel afterwards.
public final class KernelEvents {
  private let routing: NetlinkSocket
  /// nil where the kernel has no nftables.
  private let nftables: NetlinkSocket?
  private static let nftablesGroup = UInt32(NFNLGRP_NFTABLES.rawValue)

  /// Whether it is heard that the agent's nftables table changes. At first it is not.
  public private(set) var hearsNftables = false

  /// Events of these ports are the agent's own changes.
  private let ownPorts: Set<UInt32>

  public struct Batch {
    /// What has to be read again.
    public var dirty: Domains = []
    /// Of routes, if those are dirty: the tables that have to be read again; nil: all of the agent's.
    public var tables: Set<RoutingTableID>? = []
    /// What it was, as far as that was told.
    public var drift = AnnouncedDrift()
    /// The kernel dropped events: everything has to be read again.
    public var isOverrun = false
    /// Ports of the sockets that made the changes, the kernel's own (0) among them.
    public var authors: Set<UInt32> = []

    public init() {}
  }

  public init(ignoring ownPorts: Set<UInt32>) throws(KernelError) {
    self.ownPorts = ownPorts
    let groups = [
      RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
      RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE,
      // ip_forward and rp_filter: whoever writes the file below /proc/sys.
      RTNLGRP_IPV4_NETCONF,
    ]
    routing = try NetlinkSocket(.route, groups: groups.map(\.rawValue))
    // Without it, a full table of the Internet's that is learnt anew costs the reading of its events, and no more.
    _ = clinux_skip_main_routes(routing.descriptor)
    do {
      nftables = try NetlinkSocket(.netfilter, groups: [])
    } catch  where error.isFamilyMissing {
      nftables = nil
    }
  }

  /// Nobody but its owner changes a table, and each element of a set that the owner adds would be announced to itself,
  /// as would be all that others do with theirs. What changed before is not heard of.
  public func hearNftables(_ wanted: Bool) throws(KernelError) {
    guard wanted != hearsNftables else { return }
    try nftables?.listen(to: Self.nftablesGroup, wanted)
    // What was told until then would keep the descriptor readable.
    if !wanted { _ = try nftables?.drain { _ in } }
    hearsNftables = wanted
  }

  /// Readable when there is something to drain.
  public var descriptors: [Int32] { [routing.descriptor] + (nftables.map { [$0.descriptor] } ?? []) }

  /// Takes all that waits. `tables` are the routing tables whose changes matter; the main table's default
  /// routes always do.
  public func drain(tables: Set<RoutingTableID>) throws(KernelError) -> Batch {
    var batch = Batch()
    let routingEnd = try routing.drain { message in
      guard !ownPorts.contains(message.portID) else { return Self.noteOwn(message, in: &batch.drift) }
      let (domains, table) = Self.meaning(of: message, tables)
      guard note(domains, message, in: &batch) else { return }
      if !domains.isDisjoint(with: .routes) {
        if let table { batch.tables?.insert(table) } else { batch.tables = nil }
      }
      Self.note(message, in: &batch.drift)
    }
    // Who does not listen is told nothing.
    let nftablesEnd =
      hearsNftables
      ? try nftables?.drain { message in _ = note(Self.nftablesDomains(of: message), message, in: &batch) }
      : nil
    batch.isOverrun = routingEnd == .overrun || nftablesEnd == .overrun
    if batch.isOverrun {
      batch = Batch()
      (batch.isOverrun, batch.dirty, batch.tables) = (true, .all, nil)
    }
    return batch
  }

  /// Whether it matters: it is about something of the agent's, and not the agent's own doing.
  private func note(_ domains: Domains, _ message: ReceivedMessage, in batch: inout Batch) -> Bool {
    guard !domains.isEmpty, !ownPorts.contains(message.portID) else { return false }
    batch.dirty.formUnion(domains)
    batch.authors.insert(message.portID)
    return true
  }

  /// `NLM_F_REPLACE` (linux/netlink.h), of a route that took another's place.
  private static let isReplacement: UInt16 = 0x100

  /// What the agent has put back since is in its place again. What it took away it did not want.
  private static func noteOwn(_ message: ReceivedMessage, in drift: inout AnnouncedDrift) {
    switch Int(message.type) {
    case RTM_NEWRULE, RTM_NEWROUTE: note(message, in: &drift)
    default: break
    }
  }

  /// What cannot be understood is left to the reading.
  static func note(_ message: ReceivedMessage, in drift: inout AnnouncedDrift) {
    switch Int(message.type) {
    case RTM_DELRULE: if let rule = try? RuleCodec.decode(message.payload) { drift.deleted(rule.rule) }
    case RTM_NEWRULE where !drift.isEmpty:
      if let rule = try? RuleCodec.decode(message.payload) { drift.added(rule.rule) }
    case RTM_DELROUTE: if let route = try? RouteCodec.decode(message.payload) { drift.deleted(route.route) }
    case RTM_NEWROUTE:
      let isReplacement = message.flags & isReplacement != 0
      guard isReplacement || !drift.isEmpty, let route = try? RouteCodec.decode(message.payload) else {
        return
      }
      drift.added(route.route, replacing: isReplacement ? .first : .nothing)
    case RTM_NEWNETCONF: for parameter in parameters(message) { drift.set(parameter) }
    default: break
    }
  }

  /// `struct netconfmsg`, four octets with what fills it up, and `NETCONFA_*` attributes (linux/netconf.h).
  private static func parameters(_ message: ReceivedMessage) -> [AnnouncedDrift.Parameter] {
    guard family(of: message) == .ipv4, let attributes = message.attributes(after: 4) else { return [] }
    func value(_ number: Int) -> Int32? {
      NetlinkAttributes.find(number, in: attributes)?.number(Int32.self)
    }
    // NETCONFA_IFINDEX; -1 is NETCONFA_IFINDEX_ALL, -2 the default of links to come.
    guard let index = value(1), index > 0 || index == -1 else { return [] }
    let interface = index > 0 ? InterfaceIndex(rawValue: UInt32(index)) : nil
    // NETCONFA_FORWARDING, NETCONFA_RP_FILTER
    return [(2, AnnouncedDrift.Parameter.Kind.forwarding), (3, .reversePathFilter)].compactMap {
      number, kind in
      value(number).map { .init(kind, of: interface, Int($0)) }
    }
  }

  /// What has to be read again, and of which table if that is about a route of one.
  static func meaning(
    of message: ReceivedMessage, _ tables: Set<RoutingTableID>
  ) -> (domains: Domains, table: RoutingTableID?) {
    switch Int(message.type) {
    case RTM_NEWROUTE, RTM_DELROUTE: routeMeaning(message, tables)
    default: (objectDomains(message), nil)
    }
  }

  /// A link or an address that goes takes IPv4 routes along without a word, hence `.routes` for both.
  private static func objectDomains(_ message: ReceivedMessage) -> Domains {
    switch Int(message.type) {
    case RTM_NEWLINK, RTM_DELLINK:
      return [.links, .addresses, .routes, .sysctls, .mainDefaults, .strangeLocals]
    case RTM_NEWADDR, RTM_DELADDR: return [.addresses, .routes, .mainDefaults]
    case RTM_NEWRULE, RTM_DELRULE: return family(of: message).map { .rules($0) } ?? .rules
    case RTM_NEWNETCONF, RTM_DELNETCONF: return .sysctls
    default: return []
    }
  }

  /// The first octet of a rule's and of a route's message; nil for a family that the agent does not know.
  private static func family(of message: ReceivedMessage) -> AddressFamily? {
    message.payload.first.flatMap(AddressFamily.init(rawValue:))
  }

  private static func routeMeaning(
    _ message: ReceivedMessage, _ tables: Set<RoutingTableID>
  ) -> (domains: Domains, table: RoutingTableID?) {
    let payload = message.payload
    guard payload.count >= RouteCodec.headerSize else { return (.routes, nil) }
    // Tables above 255 do not fit the header, which then says RT_TABLE_COMPAT (252); the attribute has the number.
    var table = RoutingTableID(rawValue: UInt32(payload[4]))
    if table.rawValue == 0 || table.rawValue == 252 {
      let attributes = UnsafeRawBufferPointer(rebasing: payload[RouteCodec.headerSize...])
      let number = NetlinkAttributes.find(Int(RTA_TABLE.rawValue), in: attributes)?.number(UInt32.self)
      table = RoutingTableID(rawValue: number ?? 0)
    }
    if tables.contains(table) { return (family(of: message).map { .routes($0) } ?? .routes, table) }
    if table == .local {
      return (payload[0] == AF_INET && payload[7] == RTN_UNICAST ? .strangeLocals : [], nil)
    }
    return (table == .main && payload[1] == 0 ? .mainDefaults : [], nil)
  }

  /// Every nftables object's first attribute but one generation's is its table's name.
  static func nftablesDomains(of message: ReceivedMessage) -> Domains {
    guard Int32(message.type) >> 8 == NFNL_SUBSYS_NFTABLES,
      Int32(message.type) & 0xff != Int32(NFT_MSG_NEWGEN.rawValue),
      let attributes = message.attributes(after: 4),
      NetlinkAttributes.find(Int(NFTA_TABLE_NAME.rawValue), in: attributes)?.text == NftablesTable.name
    else { return [] }
    return .nftables
  }
}
