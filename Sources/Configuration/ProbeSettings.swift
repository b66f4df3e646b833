import Model

/// `gateway.probe:`, how an exit is found to be down and up again, and `cloud.probe:`, how a cloud server finds out
/// whether its way to the Internet answers.
public struct ProbeSettings: Equatable, Sendable {
  /// 100 ms to 1 min.
  public var interval: Duration
  /// How long an answer may take, 10 ms to 1 min.
  public var timeout: Duration
  /// Losses in a row that take an exit out, 1 to 100.
  public var failAfter: Int
  /// Answers in a row that bring it back, 1 to 100.
  public var recoverAfter: Int
  /// How long a preferred exit stays healthy before traffic returns to it, 0 to 1 h. A gateway's.
  public var failbackAfter: Duration
  /// Servers of the Internet that answer through a working exit, or a working WAN, any one of them; empty: not
  /// asked, at most `mostTargets`.
  public var through: [TCPTarget]
  /// nil: not asked. A gateway's.
  public var publicAddress: PublicAddressCheck?

  public init(
    interval: Duration = .seconds(1), timeout: Duration = .seconds(1), failAfter: Int = 3,
    recoverAfter: Int = 5, failbackAfter: Duration = .seconds(60)
  ) {
    self.interval = interval
    self.timeout = timeout
    self.failAfter = failAfter
    self.recoverAfter = recoverAfter
    self.failbackAfter = failbackAfter
    through = []
    publicAddress = nil
  }

  /// Entries of `through:`.
  public static let mostTargets = 8

  /// What a cloud server's differ in that does not say otherwise: nothing waits for its answers.
  public static func cloud(through targets: [TCPTarget]) -> ProbeSettings {
    var settings = ProbeSettings(interval: .seconds(10), timeout: .seconds(2), recoverAfter: 2)
    settings.through = targets
    return settings
  }

  /// Whether exits are asked for more than their own answer, and so need a way of their own each.
  public var isEndToEnd: Bool { !through.isEmpty || publicAddress != nil }
}

/// A web server that answers with its client's address, and which address that shall be.
public struct PublicAddressCheck: Hashable, Sendable, CustomStringConvertible {
  /// IPv4; names are not resolved.
  public let server: IPAddress
  public let port: UInt16
  /// Begins with a slash.
  public let path: String
  /// Of the exits; one of them has to be seen. Never empty.
  public let expected: [IPAddress]

  public init(server: IPAddress, port: UInt16 = 80, path: String = "/", expected: [IPAddress]) {
    self.server = server
    self.port = port
    self.path = path
    self.expected = expected
  }

  public var description: String { "http://\(server)\(port == 80 ? "" : ":\(port)")\(path)" }
}
