import CLinux
import CMnl
import CNftnl
import Glibc
import Model

/// Multicast notifications of what changed, whoever changed it. They only wake the loop: what is true is read
/// from the kernel afterwards.
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
    /// The kernel dropped events: everything has to be read again.
    public var isOverrun = false
    /// Ports of the sockets that made the changes, the kernel's own (0) among them.
    public var authors: Set<UInt32> = []
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
    hearsNftables = wanted
  }

  /// Readable when there is something to drain.
  public var descriptors: [Int32] { [routing.descriptor] + (nftables.map { [$0.descriptor] } ?? []) }

  /// Takes all that waits. `tables` are the routing tables whose changes matter; the main table's default
  /// routes always do.
  public func drain(tables: Set<RoutingTableID>) throws(KernelError) -> Batch {
    var batch = Batch()
    let routingEnd = try routing.drain { message in
      note(Self.domains(of: message, tables), message, in: &batch)
    }
    let nftablesEnd = try nftables?.drain { message in
      note(Self.nftablesDomains(of: message), message, in: &batch)
    }
    batch.isOverrun = routingEnd == .overrun || nftablesEnd == .overrun
    if batch.isOverrun { batch.dirty = .all }
    return batch
  }

  private func note(_ domains: Domains, _ message: ReceivedMessage, in batch: inout Batch) {
    guard !domains.isEmpty, !ownPorts.contains(message.portID) else { return }
    batch.dirty.formUnion(domains)
    batch.authors.insert(message.portID)
  }

  /// A link or an address that goes takes IPv4 routes along without a word, hence `.routes` for both.
  static func domains(of message: ReceivedMessage, _ tables: Set<RoutingTableID>) -> Domains {
    switch Int(message.type) {
    case RTM_NEWLINK, RTM_DELLINK:
      return [.links, .addresses, .routes, .sysctls, .mainDefaults, .strangeLocals]
    case RTM_NEWADDR, RTM_DELADDR: return [.addresses, .routes, .mainDefaults]
    case RTM_NEWRULE, RTM_DELRULE: return family(of: message).map { .rules($0) } ?? .rules
    case RTM_NEWNETCONF, RTM_DELNETCONF: return .sysctls
    case RTM_NEWROUTE, RTM_DELROUTE: return routeDomains(message, tables)
    default: return []
    }
  }

  /// The first octet of a rule's and of a route's message; nil for a family that the agent does not know.
  private static func family(of message: ReceivedMessage) -> AddressFamily? {
    message.payload.first.flatMap(AddressFamily.init(rawValue:))
  }

  private static func routeDomains(_ message: ReceivedMessage, _ tables: Set<RoutingTableID>) -> Domains {
    let payload = message.payload
    guard payload.count >= RouteCodec.headerSize else { return .routes }
    // Tables above 255 do not fit the header, which then says RT_TABLE_COMPAT (252); the attribute has the number.
    var table = RoutingTableID(rawValue: UInt32(payload[4]))
    if table.rawValue == 0 || table.rawValue == 252 {
      let attributes = UnsafeRawBufferPointer(rebasing: payload[RouteCodec.headerSize...])
      let number = NetlinkAttributes.find(Int(RTA_TABLE.rawValue), in: attributes)?.number(UInt32.self)
      table = RoutingTableID(rawValue: number ?? 0)
    }
    if tables.contains(table) { return family(of: message).map { .routes($0) } ?? .routes }
    if table == .local { return payload[0] == AF_INET && payload[7] == RTN_UNICAST ? .strangeLocals : [] }
    return table == .main && payload[1] == 0 ? .mainDefaults : []
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
