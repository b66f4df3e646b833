import CMnl
import Glibc
import Model

/// Entries of connection tracking, over ctnetlink (linux/netfilter/nfnetlink_conntrack.h). Swift's import of that header
/// has no enumerations' values as constants of the right type, so the few that are needed stand here.
struct ConnectionTracking {
  let socket: NetlinkSocket

  struct Entry {
    let source: IPAddress
    let destination: IPAddress
    /// What the flow leaves as; nil: it is not translated.
    let translation: IPAddress?
    /// `CTA_TUPLE_ORIG` as it was dumped, and what else tells the entry from one that takes its place.
    let tuple: [UInt8]
    let identifier: [UInt8]?
    let zone: [UInt8]?
  }

  private enum Attribute {
    static let originalTuple = 1
    static let replyTuple = 2
    static let status = 3
    static let identifier = 12
    static let zone = 18
    static let nested = 0x8000
    /// In a tuple, and in that.
    static let addresses = 1
    static let source = 1
    static let destination = 2
  }

  /// `NFNL_SUBSYS_CTNETLINK` with `IPCTNL_MSG_CT_GET` and `IPCTNL_MSG_CT_DELETE`.
  private static let get: UInt16 = 0x0101
  private static let delete: UInt16 = 0x0102
  /// `IPS_SRC_NAT` (linux/netfilter/nf_conntrack_common.h)
  private static let sourceTranslated: UInt32 = 1 << 4

  /// conntrack -D -s SOURCE, of those that are meant; how many there were of each kind.
  func forget(_ meant: FlowsToForget) throws(KernelError) -> FlowsToForget.Count {
    var found: [Entry] = []
    try socket.dump(
      "reading connection tracking", Self.get, { Self.begin(&$0) }, restart: { found.removeAll() },
      visit: { (message) throws(KernelError) in
        if let entry = Self.entry(message), meant.contains(entry) { found.append(entry) }
      })
    for entry in found {
      do throws(KernelError) {
        try socket.request("deleting a connection tracking entry of \(entry.source)", Self.delete, flags: 0) {
          Self.begin(&$0)
          $0.put(Attribute.originalTuple | Attribute.nested, entry.tuple)
          if let zone = entry.zone { $0.put(Attribute.zone, zone) }
          if let identifier = entry.identifier { $0.put(Attribute.identifier, identifier) }
        }
      } catch  where error.errno == ENOENT {}  // It ended by itself.
    }
    let untranslated = found.count { $0.translation == nil }
    return .init(untranslated: untranslated, stale: found.count - untranslated)
  }

  /// struct nfgenmsg: family, version (`NFNETLINK_V0`), resource. IPv4 alone is translated.
  private static func begin(_ message: inout NetlinkMessage) {
    message.put(raw: [UInt8(AF_INET), 0, 0, 0])
  }

  /// nil for what is no IPv4 entry.
  private static func entry(_ message: ReceivedMessage) -> Entry? {
    guard let attributes = message.attributes(after: 4),
      let tuple = NetlinkAttributes.find(Attribute.originalTuple, in: attributes)?.payload,
      let source = address(Attribute.source, in: tuple),
      let destination = address(Attribute.destination, in: tuple),
      let status = NetlinkAttributes.find(Attribute.status, in: attributes)?.number(UInt32.self)
    else { return nil }
    func octets(_ type: Int) -> [UInt8]? {
      NetlinkAttributes.find(type, in: attributes).map { Array($0.payload) }
    }
    // Whom the answers go to is what the flow leaves as.
    let reply = NetlinkAttributes.find(Attribute.replyTuple, in: attributes)?.payload
    guard let answered = reply.flatMap({ address(Attribute.destination, in: $0) }) else { return nil }
    let isTranslated = UInt32(bigEndian: status) & sourceTranslated != 0
    return Entry(
      source: source, destination: destination, translation: isTranslated ? answered : nil,
      tuple: Array(tuple), identifier: octets(Attribute.identifier), zone: octets(Attribute.zone))
  }

  private static func address(_ type: Int, in tuple: UnsafeRawBufferPointer) -> IPAddress? {
    guard let addresses = NetlinkAttributes.find(Attribute.addresses, in: tuple)?.payload else { return nil }
    return NetlinkAttributes.find(type, in: addresses).flatMap {
      $0.payload.count == 4 ? IPAddress(networkOrder: $0.payload) : nil
    }
  }
}

/// Flows that have to begin anew, since how they leave is settled once, when they begin.
public struct FlowsToForget: Sendable {
  /// Who began them. Nothing of anybody else's is touched.
  public var sources: [CIDR]
  /// Destinations that need no translation.
  public var sparing: [CIDR]
  /// What flows may leave as; nil: anything.
  public var translations: Set<IPAddress>?
  /// This host's own flows may be translated by others.
  public var own: Set<IPAddress>

  public init(
    from sources: [CIDR], sparing: [CIDR], translations: Set<IPAddress>? = nil, own: Set<IPAddress> = []
  ) {
    self.sources = sources
    self.sparing = sparing
    self.translations = translations
    self.own = own
  }

  public struct Count: Equatable, Sendable {
    /// Not translated, though they should be.
    public let untranslated: Int
    /// Translated to what is no longer used.
    public let stale: Int
  }

  func contains(_ entry: ConnectionTracking.Entry) -> Bool {
    guard sources.contains(where: { $0.contains(entry.source) }) else { return false }
    guard let translation = entry.translation else {
      return !sparing.contains { $0.contains(entry.destination) }
    }
    guard let translations, !own.contains(entry.source) else { return false }
    return !translations.contains(translation)
  }
}
