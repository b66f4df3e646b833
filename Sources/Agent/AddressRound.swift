import Configuration
import EventLoop
import Model

/// Asks a web server through one exit which address it sees.
final class AddressRound {
  enum Outcome {
    /// One of those that are expected.
    case seen(IPAddress)
    /// Another.
    case other(IPAddress, problem: String)
    /// No answer, or none with an address.
    case lost(problem: String)
    case notSent(problem: String)
    /// This host had nothing left to ask with.
    case unasked(problem: String)
  }

  /// Octets: an address with what a page may put around it.
  private static let maximumBody = 4096

  /// What routers on the way say (RFC 792); any other error is this host's.
  private static let fromNetwork: Set = ["EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "ENETDOWN", "EPROTO"]

  private let http: HTTPClient

  init(
    on loop: EventLoop, _ check: PublicAddressCheck, from local: LocalEnd, timeout: Duration,
    report: @escaping (Outcome) -> Void
  ) throws(EventLoopError) {
    http = try HTTPClient(on: loop)
    let target = HTTPTarget(
      host: check.server.description, port: check.port, path: check.path, from: local)
    http.get(
      target, headers: [("User-Agent", "liteboxd-agent"), ("Accept", "text/plain")], deadline: timeout,
      maximumBody: Self.maximumBody
    ) { report(Self.outcome($0, check)) }
  }

  private static func outcome(
    _ result: Result<HTTPAnswer, HTTPClientFailure>, _ check: PublicAddressCheck
  ) -> Outcome {
    switch result {
    case .failure(.other(let error)) where error.isShortage:
      .unasked(problem: "\(check) cannot be asked: \(error)")
    case .failure(.other(let error)) where !fromNetwork.contains(error.name):
      .notSent(problem: "\(check) cannot be asked: \(error)")
    case .failure(let failure): .lost(problem: "\(check) does not answer: \(failure)")
    case .success(let answer): outcome(answer, check)
    }
  }

  private static func outcome(_ answer: HTTPAnswer, _ check: PublicAddressCheck) -> Outcome {
    guard answer.status == 200 else {
      return .lost(problem: "\(check) answers with status \(answer.status), not with an address")
    }
    guard let seen = firstAddress(in: answer.body) else {
      return .lost(problem: "\(check) answers without an address in it")
    }
    guard check.expected.contains(seen) else {
      let expected = check.expected.map(\.description).joined(separator: " or ")
      return .other(seen, problem: "the Internet sees \(seen), not \(expected)")
    }
    return .seen(seen)
  }

  /// Plain text, or text with an address in it: JSON, a page. IPv4, as the question was.
  static func firstAddress(in body: [UInt8]) -> IPAddress? {
    body.split { !(0x30...0x39).contains($0) && $0 != 0x2e }.lazy
      .compactMap { IPAddress(String(decoding: $0.trimming(0x2e), as: UTF8.self)) }.first
  }
}

extension ArraySlice<UInt8> {
  /// Without that octet at either end: the dot that ends a sentence.
  fileprivate func trimming(_ octet: UInt8) -> ArraySlice<UInt8> {
    drop { $0 == octet }.reversed().drop { $0 == octet }.reversed()[...]
  }
}
