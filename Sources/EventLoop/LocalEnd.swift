import Glibc

/// This host's end of a connection that is made: what is left out is the kernel's to choose.
public struct LocalEnd: Hashable, Sendable {
  /// An address of this host, in numbers.
  public var source: String?
  /// `SO_BINDTODEVICE`: the only link that packets may leave by and be answered on. Where no route through it
  /// is found, be it for a blackhole, the kernel takes the other end to be on that link (net/ipv4/route.c,
  /// ip_route_output_key_hash_rcu): connecting then comes to nothing by itself, and is not refused.
  public var device: String?
  /// `SO_MARK`, for policy routing; needs CAP_NET_ADMIN.
  public var mark: UInt32?

  public init(source: String? = nil, device: String? = nil, mark: UInt32? = nil) {
    self.source = source
    self.device = device
    self.mark = mark
  }

  /// A stream socket that is this end.
  /// - Throws: what the socket refuses: no such link or address, no permission.
  func makeSocket(_ family: Int32) throws(SystemError) -> Descriptor {
    let made = try Descriptor(streamSocket: family)
    if let mark { try made.set(SO_MARK, level: SOL_SOCKET, to: Int32(bitPattern: mark)) }
    if let device {
      let name = Array(device.utf8)
      guard setsockopt(made.number, SOL_SOCKET, SO_BINDTODEVICE, name, socklen_t(name.count)) == 0 else {
        throw .last
      }
    }
    if let source {
      guard let local = try? SocketAddress(address: source, port: 0) else {
        throw SystemError(rawValue: EINVAL)
      }
      // The port is chosen when it is known where to (ip(7)): binding first would take one from everybody.
      if family == AF_INET { try made.set(IP_BIND_ADDRESS_NO_PORT, level: Int32(IPPROTO_IP), to: 1) }
      guard local.withPointer({ Glibc.bind(made.number, $0, $1) }) == 0 else { throw .last }
    }
    return made
  }
}
