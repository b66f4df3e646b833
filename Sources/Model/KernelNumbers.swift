// One type for each number that the kernel hands out or takes, so that none is mistaken for another.

/// A routing table (`RTA_TABLE`, linux/rtnetlink.h). 0 is unspecified; 253 to 255 are the system's.
public struct RoutingTableID: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `RT_TABLE_DEFAULT`
  public static let `default` = RoutingTableID(rawValue: 253)
  /// `RT_TABLE_MAIN`
  public static let main = RoutingTableID(rawValue: 254)
  /// `RT_TABLE_LOCAL`
  public static let local = RoutingTableID(rawValue: 255)

  /// The next table: the agent's fallback table stands behind its tunnel table.
  public var next: RoutingTableID { RoutingTableID(rawValue: rawValue &+ 1) }
}

/// Where a policy routing rule stands in the order of lookups (`FRA_PRIORITY`); smaller is asked first.
public struct RulePriority: RawRepresentable, Hashable, Comparable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

  public func advanced(by n: UInt32) -> RulePriority { RulePriority(rawValue: rawValue &+ n) }
}

/// Orders routes to one destination (`RTA_PRIORITY`); smaller wins.
public struct RouteMetric: RawRepresentable, Hashable, Comparable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

  /// What a route has that names none.
  public static let first = RouteMetric(rawValue: 0)
  /// What the kernel makes of that in IPv6 (`IP6_RT_PRIO_USER`, linux/ipv6_route.h).
  public static let standardIPv6 = RouteMetric(rawValue: 1024)
  /// Loses to every other route.
  public static let last = RouteMetric(rawValue: .max)
}

/// A link's number (`ifi_index`); never 0, and never used again while the link lives.
public struct InterfaceIndex: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// Who made a route or a rule (`rtm_protocol`, `FRA_PROTOCOL`, linux/rtnetlink.h).
public struct RouteProtocol: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// `RTPROT_KERNEL`
  public static let kernel = RouteProtocol(rawValue: 2)
  /// `RTPROT_BOOT`: what `ip route add` leaves.
  public static let boot = RouteProtocol(rawValue: 3)
  /// `RTPROT_STATIC`
  public static let `static` = RouteProtocol(rawValue: 4)
  /// The agent's mark: a number that neither the kernel's header nor iproute2's rt_protos gives to anyone.
  public static let liteboxd = RouteProtocol(rawValue: 147)
}

/// A link's name, as `dev_valid_name` of the kernel takes it: 1 to 15 octets, no slash, colon or white space.
public struct InterfaceName: Hashable, Sendable {
  public let text: String

  public init?(_ text: some StringProtocol) {
    let bytes = text.utf8
    guard (1...15).contains(bytes.count), text != ".", text != "..",
      !bytes.contains(where: { [0, 0x2f, 0x3a, 0x20].contains($0) || (0x09...0x0d).contains($0) })
    else { return nil }
    self.text = String(text)
  }
}

extension RoutingTableID: CustomStringConvertible {
  public var description: String {
    switch self {
    case .main: "main"
    case .default: "default"
    case .local: "local"
    default: "\(rawValue)"
    }
  }
}
extension RulePriority: CustomStringConvertible { public var description: String { "\(rawValue)" } }
extension RouteMetric: CustomStringConvertible { public var description: String { "\(rawValue)" } }
extension InterfaceIndex: CustomStringConvertible { public var description: String { "\(rawValue)" } }
extension InterfaceName: CustomStringConvertible { public var description: String { text } }
extension RouteProtocol: CustomStringConvertible {
  public var description: String {
    switch self {
    case .kernel: "kernel"
    case .boot: "boot"
    case .static: "static"
    case .liteboxd: "liteboxd"
    default: "\(rawValue)"
    }
  }
}

extension InterfaceName {
  /// `lo`, in every network namespace.
  public static let loopback = InterfaceName(trusted: "lo")

  private init(trusted text: String) { self.text = text }
}
