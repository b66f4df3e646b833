import Glibc

/// Where a request goes: an address in numbers, never a name.
public struct HTTPTarget: Hashable, Sendable {
  public let host: String
  public let port: UInt16
  /// Begins with a slash; may have a query.
  public let path: String
  public let local: LocalEnd

  public init(host: String, port: UInt16, path: String, from local: LocalEnd = LocalEnd()) {
    self.host = host
    self.port = port
    self.path = path
    self.local = local
  }

  func isReached(as other: HTTPTarget) -> Bool {
    host == other.host && port == other.port && local == other.local
  }
}

/// An HTTP/1.1 client for small answers: no redirects, no names, and one request a connection unless the next request is
/// said to follow at once.
///
/// libevent's evhttp is not used, because it cannot tell a refused connection from one that timed out and has no
/// deadline for the whole exchange.
public final class HTTPClient {
  public typealias Completion = (Result<HTTPAnswer, HTTPClientFailure>) -> Void

  private let loop: EventLoop
  private var exchanges: [ObjectIdentifier: HTTPExchange] = [:]
  /// What an answer left open for the next request.
  private var kept: (target: HTTPTarget, connection: HTTPConnection)?
  /// Exchanges that failed inside `get`, to be reported from the loop.
  private var stillborn: [HTTPExchange] = []
  private var report: EventSource?

  public init(on loop: EventLoop) throws(EventLoopError) {
    self.loop = loop
    report = try loop.onTrigger { [unowned self] in
      let failed = stillborn
      stillborn = []
      for exchange in failed { exchange.reportFailure() }
    }
  }

  // Running exchanges end with the client, and their completions are not called.
  deinit { report?.cancel() }

  /// Requests that have not ended.
  public var pendingCount: Int { exchanges.count }

  /// Calls `completion` exactly once, from the loop and never from within this call, unless the client is
  /// released before. The deadline is for the whole exchange; `maximumBody` is in octets.
  ///
  /// - Parameter keepsConnection: the next request to the same target follows from within `completion`, and has this one's
  ///   connection if the server leaves it open. Otherwise it is closed then.
  public func get(
    _ target: HTTPTarget, headers: [(String, String)] = [], deadline: Duration, maximumBody: Int,
    keepsConnection: Bool = false, completion: @escaping Completion
  ) {
    let exchange = HTTPExchange(HTTPResponseReader(maximumBody: maximumBody)) {
      [weak self] exchange, result in
      // A client released by an earlier completion calls no further one.
      guard let self else { return }
      exchanges[ObjectIdentifier(exchange)] = nil
      kept = keepsConnection ? exchange.reusable.map { (target, $0) } : nil
      completion(result)
      kept = nil
    }
    exchanges[ObjectIdentifier(exchange)] = exchange
    let connection = kept.flatMap { $0.target.isReached(as: target) ? $0.connection : nil }
    kept = nil
    do throws(HTTPClientFailure) {
      let request = try HTTPClient.message(target, headers, keepsConnection)
      try exchange.start(on: loop, target, request, over: connection, deadline: deadline)
    } catch {
      exchange.failure = error
      stillborn.append(exchange)
      report?.trigger()
    }
  }

  /// A path or a field that would smuggle in another line is not sent.
  private static func message(
    _ target: HTTPTarget, _ headers: [(String, String)], _ keepsConnection: Bool
  ) throws(HTTPClientFailure) -> [UInt8] {
    let unsendable = HTTPClientFailure.other(SystemError(rawValue: EINVAL))
    guard target.path.hasPrefix("/"), target.path.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw unsendable
    }
    let host = target.host.contains(":") ? "[\(target.host)]" : target.host
    var text = "GET \(target.path) HTTP/1.1\r\nHost: \(host):\(target.port)\r\n"
    // Without a word an HTTP/1.1 connection stays open.
    if !keepsConnection { text += "Connection: close\r\n" }
    for (name, value) in headers {
      guard !name.isEmpty, name.utf8.allSatisfy(HTTPHead.isTokenCharacter),
        value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f })
      else { throw unsendable }
      text += "\(name): \(value)\r\n"
    }
    return Array((text + "\r\n").utf8)
  }
}
