import Model

/// The network that carries the tunnel, and how to ask the local ZeroTier service about it.
public struct ZeroTierSettings: Equatable, Sendable {
  public var networkID: ZeroTierNetworkID
  /// nil: 127.0.0.1 and the port that `zerotier-one.port` beside the token file names, else 9993.
  public var api: APIEndpoint?
  /// Absolute path of the service's secret.
  public var authTokenFile: String
  /// Time between two questions to the service, 100 ms to 10 min.
  public var pollInterval: Duration
  /// Overrides the interface that the service names for the network.
  public var interface: InterfaceName?

  public init(
    networkID: ZeroTierNetworkID, api: APIEndpoint? = nil, authTokenFile: String = standardTokenFile,
    pollInterval: Duration = .seconds(2), interface: InterfaceName? = nil
  ) {
    self.networkID = networkID
    self.api = api
    self.authTokenFile = authTokenFile
    self.pollInterval = pollInterval
    self.interface = interface
  }

  /// Where ZeroTier's packages for Linux put the token.
  public static let standardTokenFile = "/var/lib/zerotier-one/authtoken.secret"
}

/// Where ZeroTier's control API listens. Always a loopback address: the service answers no other.
public struct APIEndpoint: Hashable, Sendable, CustomStringConvertible {
  public var host: IPAddress
  public var port: UInt16

  public init(host: IPAddress, port: UInt16) {
    self.host = host
    self.port = port
  }

  public var description: String { "http://\(SocketText.join(host, port))" }
}
