import EventLoop
import Model

/// Why a question to zerotier-one's local API got no answer that counts.
public enum APIFailure: Error, Hashable, Sendable {
  /// EFBIG, ENODATA and EILSEQ stand for a token file that is too long, empty, or no text.
  case tokenUnreadable(path: String, SystemError)
  /// The token is not the one that zerotier-one read at its start.
  case unauthorized
  case refused
  case timedOut
  /// The connection ended in the middle of the answer.
  case closedEarly
  case tooLarge
  /// The answer is no HTTP or no JSON, or the named field is missing or not as it should be.
  case malformed(String)
  case unexpectedStatus(Int)
  /// The answer is about a network that was not asked for.
  case anotherNetwork(ZeroTierNetworkID)
  /// The connection could not be made for a reason of this host's.
  case system(SystemError)

  init(_ failure: HTTPClientFailure) {
    switch failure {
    case .refused: self = .refused
    case .timedOut: self = .timedOut
    case .tooLarge: self = .tooLarge
    case .malformed(let what): self = APIFailure.malformed(text: what)
    case .closedEarly: self = .closedEarly
    case .other(let error): self = .system(error)
    }
  }

  /// With what came from the other side made printable.
  static func malformed(text: String) -> APIFailure { .malformed(text.printable(limit: 200)) }

  /// True if the next question would fail in the same way.
  var concernsEveryQuestion: Bool {
    switch self {
    case .tokenUnreadable, .unauthorized, .refused, .timedOut, .closedEarly, .system: true
    case .tooLarge, .malformed, .unexpectedStatus, .anotherNetwork: false
    }
  }
}

extension APIFailure: CustomStringConvertible {
  /// The metric's label.
  public var kind: String {
    switch self {
    case .tokenUnreadable: "token"
    case .unauthorized: "unauthorized"
    case .refused: "refused"
    case .timedOut: "timeout"
    case .closedEarly: "closed"
    case .tooLarge: "too-large"
    case .malformed: "malformed"
    case .unexpectedStatus: "status"
    case .anotherNetwork: "other-network"
    case .system: "system"
    }
  }

  /// Every label that `kind` gives.
  public static let kinds = [
    "token", "unauthorized", "refused", "timeout", "closed", "too-large", "malformed", "status",
    "other-network", "system",
  ]

  public var message: String {
    switch self {
    case .tokenUnreadable(let path, let error): "reading ZeroTier's token from \(path): \(error)"
    case .unauthorized: "ZeroTier's API does not accept the token (401)"
    case .refused: "ZeroTier's API refuses connections (ECONNREFUSED)"
    case .timedOut: "ZeroTier's API gave no whole answer in time"
    case .closedEarly: "ZeroTier's API ended the connection in the middle of an answer"
    case .tooLarge: "ZeroTier's API sent an answer that is too large"
    case .malformed(let what): "ZeroTier's API sent an answer that cannot be read: \(what)"
    case .unexpectedStatus(let status): "ZeroTier's API answered with HTTP status \(status)"
    case .anotherNetwork(let network): "ZeroTier's API answered for another network, \(network)"
    case .system(let error): "connecting to ZeroTier's API: \(error)"
    }
  }

  public var remedy: String {
    switch self {
    case .tokenUnreadable:
      "check zerotier.authTokenFile, and that the agent may read it (LoadCredential=authtoken under systemd)"
    case .unauthorized:
      "give the agent the present token; zerotier-one reads a changed one at its start only, and wants loopback"
    case .refused: "start zerotier-one, or correct zerotier.api"
    case .timedOut: "look whether zerotier-one hangs, or whether idle clients occupy its API"
    case .closedEarly: "look whether zerotier-one was stopped at that moment"
    case .tooLarge, .malformed, .unexpectedStatus:
      "check that zerotier.api is zerotier-one's API, and zerotier-one's version"
    case .anotherNetwork: "check that zerotier.api is zerotier-one's API"
    case .system: "check that the loopback interface is up and that nothing filters it"
    }
  }

  public var description: String { "\(message); \(remedy)" }
}
