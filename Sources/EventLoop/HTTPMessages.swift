// What the HTTP server and the HTTP client hand over and take.

/// A header field. The name is as it was sent; compare without case.
public struct HTTPField: Hashable, Sendable {
  public let name: String
  public let value: String

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }

  /// - Parameter other: in small letters.
  func isNamed(_ other: String) -> Bool {
    name.utf8.count == other.utf8.count
      && zip(name.utf8, other.utf8).allSatisfy { (0x41...0x5a).contains($0) ? $0 | 0x20 == $1 : $0 == $1 }
  }
}

/// The methods that a status server has use for.
public enum HTTPMethod: Hashable, Sendable {
  case get, head, post
  /// As it was sent; the handler says 405.
  case other(String)

  init(_ text: String) {
    switch text {
    case "GET": self = .get
    case "HEAD": self = .head
    case "POST": self = .post
    default: self = .other(text)
    }
  }

  public var text: String {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .other(let text): text
    }
  }
}

/// Who is at the other end of a Unix socket (SO_PEERCRED, unix(7)): as it was when it connected.
public struct PeerCredentials: Hashable, Sendable {
  public let pid: Int32
  public let uid: UInt32
  /// The primary group alone; membership in others does not show.
  public let gid: UInt32
}

/// A whole request, within the server's limits.
public struct HTTPRequest: Hashable, Sendable {
  public let method: HTTPMethod
  /// Begins with a slash; as it was sent, without the query and not percent-decoded.
  public let path: String
  /// What stands behind the question mark; nil without one.
  public let query: String?
  public let body: [UInt8]
  /// nil over TCP.
  public internal(set) var peer: PeerCredentials?

  public init(
    _ method: HTTPMethod, path: String, query: String? = nil, body: [UInt8] = [],
    peer: PeerCredentials? = nil
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.body = body
    self.peer = peer
  }
}

/// What a request's handler answers. Its length and `Connection: close` are the server's to say.
public struct HTTPResponse: Hashable, Sendable {
  public let status: Int
  public let contentType: String
  public let body: [UInt8]
  /// What the resource answers to, for a 405 (RFC 9110, 15.5.6).
  public let allowed: [HTTPMethod]

  public init(status: Int, contentType: String, body: [UInt8], allowed: [HTTPMethod] = []) {
    self.status = status
    self.contentType = contentType
    self.body = body
    self.allowed = allowed
  }

  /// A line of plain text.
  public init(status: Int, _ text: String) {
    self.init(status: status, contentType: "text/plain; charset=utf-8", body: Array(text.utf8) + [0x0a])
  }

  /// 405: there is such a thing, and it is not for that method.
  public static func notAllowed(_ allowed: [HTTPMethod]) -> HTTPResponse {
    let names = allowed.map(\.text).joined(separator: ", ")
    return HTTPResponse(
      status: 405, contentType: "text/plain; charset=utf-8", body: Array("only for \(names)\n".utf8),
      allowed: allowed)
  }
}

/// What a client may cost the server.
public struct HTTPLimits: Hashable, Sendable {
  /// Octets of request line and header, the empty line included.
  public var head = 8 * 1024
  /// Octets.
  public var body = 64 * 1024
  /// From accept to the last octet of the answer, however busy the client keeps the connection.
  public var timeout = Duration.seconds(5)
  /// Open at a time; one more takes the place of the oldest.
  public var connections = 64

  public init() {}
}

/// Where a server listens.
public enum HTTPEndpoint: Hashable, Sendable {
  /// Port 0: the kernel chooses one.
  case tcp(address: String, port: UInt16)
  /// `group`: the socket's group; nil leaves the process's own.
  case unix(path: String, mode: UInt32 = 0o660, group: UInt32? = nil)
}

/// A whole answer, within the client's limits.
public struct HTTPAnswer: Hashable, Sendable {
  public let status: Int
  public let fields: [HTTPField]
  public let body: [UInt8]

  public init(status: Int, fields: [HTTPField] = [], body: [UInt8]) {
    self.status = status
    self.fields = fields
    self.body = body
  }

  /// The first field of that name, whatever its case.
  public subscript(field name: String) -> String? {
    let name = name.lowercased()
    return fields.first { $0.isNamed(name) }?.value
  }
}
