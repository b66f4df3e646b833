/// What zerotier-one says of its membership in a network.
public enum NetworkStatus: Hashable, Sendable {
  /// Asked for and not answered; with an unknown controller it stays so.
  case requestingConfiguration
  /// May be out of a cache that is hours old: only a probe through the tunnel says that it works.
  case ok
  /// Addresses and the interface stay, but nothing passes.
  case accessDenied
  case notFound
  case portError
  case clientTooOld
  case authenticationRequired
  /// A text that this agent does not know, printable.
  case other(String)

  public init(_ text: String) {
    let known = NetworkStatus.known.first { $0.text == text }
    self = known ?? .other(text.printable(limit: 64))
  }

  private static let known: [NetworkStatus] = [
    .requestingConfiguration, .ok, .accessDenied, .notFound, .portError, .clientTooOld,
    .authenticationRequired,
  ]

  /// As the API writes it.
  public var text: String {
    switch self {
    case .requestingConfiguration: "REQUESTING_CONFIGURATION"
    case .ok: "OK"
    case .accessDenied: "ACCESS_DENIED"
    case .notFound: "NOT_FOUND"
    case .portError: "PORT_ERROR"
    case .clientTooOld: "CLIENT_TOO_OLD"
    case .authenticationRequired: "AUTHENTICATION_REQUIRED"
    case .other(let text): text
    }
  }
}

extension NetworkStatus: CustomStringConvertible {
  public var description: String { text }
}
