import CMnl
import Model

/// Links and their addresses as rtnetlink messages: `struct ifinfomsg` (16 octets, linux/rtnetlink.h) and
/// `struct ifaddrmsg` (8 octets, linux/if_addr.h).
enum LinkCodec {
  /// nil for a link whose name the agent cannot hold.
  static func decodeLink(_ payload: UnsafeRawBufferPointer) throws(KernelError) -> Link? {
    guard payload.count >= 16 else { throw KernelError("reading a link", .malformed("short header")) }
    let attributes = UnsafeRawBufferPointer(rebasing: payload[16...])
    guard let text = NetlinkAttributes.find(IFLA_IFNAME, in: attributes)?.text, let name = InterfaceName(text)
    else { return nil }
    let flags = payload.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
    return Link(
      index: InterfaceIndex(rawValue: payload.loadUnaligned(fromByteOffset: 4, as: UInt32.self)), name: name,
      isUp: flags & isUpFlag != 0, hasCarrier: flags & lowerUpFlag != 0,
      mtu: NetlinkAttributes.find(IFLA_MTU, in: attributes)?.number(UInt32.self) ?? 0)
  }

  /// `IFF_UP` (linux/if.h)
  private static let isUpFlag: UInt32 = 1
  /// `IFF_LOWER_UP`
  private static let lowerUpFlag: UInt32 = 1 << 16

  /// The link's own address: IFA_LOCAL, which differs from IFA_ADDRESS on point-to-point links only.
  static func decodeAddress(_ payload: UnsafeRawBufferPointer) throws(KernelError) -> InterfaceAddress? {
    guard payload.count >= 8 else { throw KernelError("reading an address", .malformed("short header")) }
    let attributes = UnsafeRawBufferPointer(rebasing: payload[8...])
    let attribute =
      NetlinkAttributes.find(IFA_LOCAL, in: attributes) ?? NetlinkAttributes.find(IFA_ADDRESS, in: attributes)
    guard let address = attribute.flatMap({ IPAddress(networkOrder: $0.payload) }) else { return nil }
    return InterfaceAddress(
      interface: InterfaceIndex(rawValue: payload.loadUnaligned(fromByteOffset: 4, as: UInt32.self)),
      address: address, prefixLength: Int(payload[1]))
  }
}
