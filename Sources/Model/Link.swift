/// A network interface, as far as the agent needs it.
public struct Link: Hashable, Sendable {
  public let index: InterfaceIndex
  public let name: InterfaceName
  /// `IFF_UP` (net/if.h): without it the kernel keeps no route through the link. ZeroTier's TAP reports no
  /// operational state, so this flag is all there is.
  public let isUp: Bool
  /// `IFF_LOWER_UP` (linux/if.h): up, and somebody is at the other end. A driver that cannot tell says yes.
  public let hasCarrier: Bool
  /// Octets.
  public let mtu: UInt32

  public init(
    index: InterfaceIndex, name: InterfaceName, isUp: Bool, hasCarrier: Bool = true, mtu: UInt32
  ) {
    self.index = index
    self.name = name
    self.isUp = isUp
    self.hasCarrier = hasCarrier
    self.mtu = mtu
  }
}

/// An address that a link has.
public struct InterfaceAddress: Hashable, Sendable {
  public let interface: InterfaceIndex
  public let address: IPAddress
  public let prefixLength: Int

  public init(interface: InterfaceIndex, address: IPAddress, prefixLength: Int) {
    self.interface = interface
    self.address = address
    self.prefixLength = prefixLength
  }

  public var network: CIDR { CIDR(containing: address, prefixLength: prefixLength) }
}

extension InterfaceAddress: CustomStringConvertible {
  public var description: String { "\(address)/\(prefixLength)" }
}

/// A kernel parameter below /proc/sys and the number that it has or shall have.
public struct Sysctl: Hashable, Sendable {
  public let key: Key
  public let value: Int

  public init(_ key: Key, _ value: Int) {
    self.key = key
    self.value = value
  }

  /// Documentation/networking/ip-sysctl.rst of the kernel.
  public enum Key: Hashable, Sendable {
    case ipv4Forwarding
    /// Packets that come in by that link are forwarded; `ip_forward` sets it for all links, and anybody for one.
    case linkForwarding(InterfaceName)
    case reversePathFilter(InterfaceName)
    /// `src_valid_mark`: the reverse path is looked up with the packet's mark.
    case markedReversePath(InterfaceName)
    /// `nf_conntrack_tcp_loose`: TCP connections that began elsewhere are tracked, and so translated, from their
    /// next segment on.
    case midstreamPickup

    /// Set where that can be had; nothing that flows or is blocked depends on it.
    public var isWish: Bool {
      switch self {
      case .ipv4Forwarding, .linkForwarding, .reversePathFilter, .markedReversePath: false
      case .midstreamPickup: true
      }
    }

    public var path: String {
      switch self {
      case .ipv4Forwarding: "/proc/sys/net/ipv4/ip_forward"
      case .linkForwarding(let name): "/proc/sys/net/ipv4/conf/\(name)/forwarding"
      case .reversePathFilter(let name): "/proc/sys/net/ipv4/conf/\(name)/rp_filter"
      case .markedReversePath(let name): "/proc/sys/net/ipv4/conf/\(name)/src_valid_mark"
      case .midstreamPickup: "/proc/sys/net/netfilter/nf_conntrack_tcp_loose"
      }
    }

    /// As sysctl(8) takes it: a slash-separated name, since a link's name may have dots.
    public var name: String { String(path.dropFirst("/proc/sys/".count)) }
  }
}
