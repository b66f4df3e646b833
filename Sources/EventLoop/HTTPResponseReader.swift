/// Why a request got no answer that can be used.
public enum HTTPClientFailure: Error, Hashable, Sendable {
  /// Nobody listens there.
  case refused
  /// The answer was not complete when the deadline came.
  case timedOut
  /// The answer's body or header is longer than was asked for.
  case tooLarge
  /// What came is no HTTP answer.
  case malformed(String)
  /// The connection ended before the answer did.
  case closedEarly
  /// EINVAL stands for a path or a header field that cannot be sent.
  case other(SystemError)

  init(_ error: SystemError) {
    switch error.name {
    case "ECONNREFUSED": self = .refused
    case "ETIMEDOUT": self = .timedOut
    case "ECONNRESET", "EPIPE": self = .closedEarly
    default: self = .other(error)
    }
  }
}

extension HTTPClientFailure: CustomStringConvertible {
  public var description: String {
    switch self {
    case .refused: "connection refused (ECONNREFUSED)"
    case .timedOut: "no whole answer in time"
    case .tooLarge: "the answer is too large"
    case .malformed(let what): "no HTTP answer: \(what)"
    case .closedEarly: "the connection ended in the middle of the answer"
    case .other(let error): error.description
    }
  }
}

/// Makes one answer out of what a server sends, piece by piece: RFC 9112, sections 4, 6 and 7.
struct HTTPResponseReader {
  static let maximumHead = 16 * 1024

  /// Octets; a longer body is `tooLarge` as soon as that shows.
  let maximumBody: Int
  /// An answer to HEAD has no body, whatever length it states.
  let method: HTTPMethod
  /// The server has sent something.
  private(set) var hasBegun = false
  /// The whole answer has come, and the connection can take another request: RFC 9112, 9.3.
  private(set) var leavesOpen = false
  private var received: [UInt8] = []
  private var head: (status: Int, fields: [HTTPField])?
  /// The server speaks HTTP/1.1 and does not say that it closes.
  private var isPersistent = false
  private var length = HTTPHead.BodyLength.unsaid
  private var chunks: HTTPChunkReader

  init(maximumBody: Int, method: HTTPMethod = .get) {
    self.maximumBody = maximumBody
    self.method = method
    chunks = HTTPChunkReader(maximumBody: maximumBody)
  }

  /// nil: more is to come.
  mutating func take(_ bytes: some Collection<UInt8>) throws(HTTPClientFailure) -> HTTPAnswer? {
    hasBegun = true
    received += bytes
    while head == nil {
      guard try readHead() else { return nil }
    }
    guard let head else { return nil }
    switch length {
    case .octets(let count):
      guard received.count >= count else { return nil }
      // What comes behind the answer was not asked for.
      leavesOpen = isPersistent && received.count == count
      return answer(head, Array(received[..<count]))
    case .chunked:
      defer { received = [] }
      return try chunks.take(received).map { answer(head, $0) }
    case .unsaid:
      guard received.count <= maximumBody else { throw .tooLarge }
      return nil
    case .malformed(let what): throw .malformed(what)
    }
  }

  /// The server has ended the connection.
  func end() throws(HTTPClientFailure) -> HTTPAnswer {
    // Only a body without any stated length ends so.
    guard let head, length == .unsaid else { throw .closedEarly }
    return answer(head, received)
  }

  /// Takes the head off what was received; false if it is not complete.
  private mutating func readHead() throws(HTTPClientFailure) -> Bool {
    // Garbage shows by its first octets, not by never ending.
    let start = Array("HTTP/1.".utf8)
    guard received.starts(with: start) || start.starts(with: received) else {
      throw .malformed("it begins with \(HTTPHead.quoted(received))")
    }
    switch HTTPHead.scan(received, limit: HTTPResponseReader.maximumHead) {
    case .incomplete: return false
    case .tooLarge: throw .tooLarge
    case .malformed(let what): throw .malformed(what)
    case .complete(let scanned, let bodyStart):
      received.removeFirst(bodyStart)
      let status = try HTTPResponseReader.status(scanned.startLine)
      // 100 Continue and its like come before the answer.
      guard status >= 200 else { return true }
      head = (status, scanned.fields)
      isPersistent =
        scanned.startLine.hasPrefix("HTTP/1.1 ") && !scanned.tokens("connection").contains("close")
      length = status == 204 || status == 304 || method == .head ? .octets(0) : scanned.bodyLength
      if case .octets(let count) = length, count > maximumBody { throw .tooLarge }
      return true
    }
  }

  private static func status(_ line: String) throws(HTTPClientFailure) -> Int {
    let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard words.count >= 2, words[0] == "HTTP/1.0" || words[0] == "HTTP/1.1", words[1].utf8.count == 3,
      words[1].utf8.allSatisfy({ (48...57).contains($0) }), let status = Int(words[1]),
      (100...599).contains(status)
    else { throw .malformed("status line \(HTTPHead.quoted(line.utf8))") }
    return status
  }

  private func answer(_ head: (status: Int, fields: [HTTPField]), _ body: [UInt8]) -> HTTPAnswer {
    HTTPAnswer(status: head.status, fields: head.fields, body: body)
  }
}
