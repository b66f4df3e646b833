import JSON
import Model

/// What `GET /network/<id>` says of a network that this node has joined. Claims, all of them: compare with
/// the kernel.
public struct NetworkReport: Hashable, Sendable {
  public let id: ZeroTierNetworkID
  public let status: NetworkStatus
  /// nil while zerotier-one has no device for the network.
  public let interface: InterfaceName?
  /// Stay when the membership is gone: look at `status`.
  public let assignedAddresses: [AssignedAddress]
  /// The controller's name for it, printable, at most 64 characters; empty before the first configuration.
  public let name: String
  /// Octets.
  public let mtu: Int
  /// zerotier-one may take over the default route of the main table.
  public let allowDefault: Bool
  /// zerotier-one may use addresses and routes that are not private.
  public let allowGlobal: Bool
  /// zerotier-one sets addresses and routes at all.
  public let allowManaged: Bool
  public let routes: [ManagedRoute]

  public init(
    id: ZeroTierNetworkID, status: NetworkStatus, interface: InterfaceName? = nil,
    assignedAddresses: [AssignedAddress] = [], name: String = "", mtu: Int = 2800,
    allowDefault: Bool = false, allowGlobal: Bool = false, allowManaged: Bool = true,
    routes: [ManagedRoute] = []
  ) {
    self.id = id
    self.status = status
    self.interface = interface
    self.assignedAddresses = assignedAddresses
    self.name = name
    self.mtu = mtu
    self.allowDefault = allowDefault
    self.allowGlobal = allowGlobal
    self.allowManaged = allowManaged
    self.routes = routes
  }
}

/// An address that the controller gave this node, with the prefix length of its network.
public struct AssignedAddress: Hashable, Sendable, CustomStringConvertible {
  public let address: IPAddress
  public let prefixLength: Int

  public init(_ address: IPAddress, prefixLength: Int) {
    self.address = address
    self.prefixLength = prefixLength
  }

  /// Reads `10.147.17.1/24`, which unlike a `CIDR` has host bits.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPAddress(parts[0]), parts[1].utf8.count <= 3,
      parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let length = Int(parts[1]),
      length <= address.family.addressBits
    else { return nil }
    self.init(address, prefixLength: length)
  }

  public var network: CIDR { CIDR(containing: address, prefixLength: prefixLength) }
  public var description: String { "\(address)/\(prefixLength)" }
}

/// A route that the controller wants on every member.
public struct ManagedRoute: Hashable, Sendable {
  public let target: CIDR
  /// nil: on the link.
  public let via: IPAddress?

  public init(to target: CIDR, via: IPAddress?) {
    self.target = target
    self.via = via
  }
}

/// A definite word about a network. Nothing else is one: not a failure, and not another answer.
public enum NetworkAnswer: Hashable, Sendable {
  case joined(NetworkReport)
  /// 404 with `{}`. Also what a node without a TUN device says after joining.
  case notJoined
}
