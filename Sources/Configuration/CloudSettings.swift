import Model

/// `cloud:`, the settings of a server that lets ZeroTier addresses out to the Internet.
public struct CloudSettings: Equatable, Sendable {
  /// ZeroTier addresses that may use this exit; never empty, never everything, IPv4.
  public var sources: [CIDR]
  public var wanInterface: WANInterface
  public var snat: SourceNAT
  /// What may pass; empty for any protocol and port.
  public var allow: [AllowedTraffic]
  /// Where nothing may go; empty for no restriction.
  public var denyDestinations: [CIDR]
  public var clampMSS: MSSClamp
  /// nil: whether the WAN answers is not asked.
  public var probe: ProbeSettings?

  public init(
    sources: [CIDR], wanInterface: WANInterface = .auto, snat: SourceNAT = .masquerade,
    allow: [AllowedTraffic] = [], denyDestinations: [CIDR] = privateDestinations, clampMSS: MSSClamp = .clamp,
    probe: ProbeSettings? = nil
  ) {
    self.sources = sources
    self.wanInterface = wanInterface
    self.snat = snat
    self.allow = allow
    self.denyDestinations = denyDestinations
    self.clampMSS = clampMSS
    self.probe = probe
  }

  /// `denyDestinations: private`: RFC 1918, carrier-grade NAT (RFC 6598), loopback, link-local with the metadata
  /// address, multicast; and of the special-purpose registry (RFC 6890) "this network" and the reserved block with
  /// the limited broadcast, which no Internet host has.
  public static let privateDestinations: [CIDR] = [
    .ipv4(10, 0, 0, 0, 8), .ipv4(172, 16, 0, 0, 12), .ipv4(192, 168, 0, 0, 16), .ipv4(100, 64, 0, 0, 10),
    .ipv4(127, 0, 0, 0, 8), .ipv4(169, 254, 0, 0, 16), .ipv4(224, 0, 0, 0, 4), .ipv4(0, 0, 0, 0, 8),
    .ipv4(240, 0, 0, 0, 4),
  ]
}

/// The interface that leads to the Internet.
public enum WANInterface: Hashable, Sendable {
  /// The one of the main table's default route.
  case auto
  case named(InterfaceName)
}

/// Which source address the Internet sees.
public enum SourceNAT: Hashable, Sendable {
  /// The WAN interface's own, whatever it is.
  case masquerade
  /// This one, IPv4.
  case fixed(IPAddress)
}

/// One entry of `allow:`.
public struct AllowedTraffic: Hashable, Sendable {
  public var `protocol`: TransportProtocol
  /// Sorted and disjoint; empty for all ports, and always for ICMP, which has none.
  public var ports: [ClosedRange<UInt16>]

  public init(protocol: TransportProtocol, ports: [ClosedRange<UInt16>] = []) {
    self.protocol = `protocol`
    self.ports = ports
  }
}

public enum TransportProtocol: String, Sendable, CaseIterable {
  case tcp, udp, icmp
}

/// Whether TCP's maximum segment size is cut to the path's MTU, for clients that never see the ICMP message.
public enum MSSClamp: String, Sendable, CaseIterable {
  case clamp, off
}
