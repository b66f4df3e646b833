/// Makes one request out of what a client sends, piece by piece.
struct HTTPRequestReader {
  let limits: HTTPLimits
  private var received: [UInt8] = []
  /// Before there are so many octets, nothing is to be seen that was not: who sends one at a time costs no more.
  private var needed = 0

  init(limits: HTTPLimits) { self.limits = limits }

  enum Step: Hashable {
    case needsMore
    case request(HTTPRequest)
    /// No request that the handler should see: answer this and hang up.
    case refuse(HTTPResponse)
  }

  mutating func take(_ bytes: some Collection<UInt8>) -> Step {
    let known = received.count
    received += bytes
    guard received.count >= needed else { return .needsMore }
    switch HTTPHead.scan(received, limit: limits.head, known: needed == 0 ? known : 0) {
    case .incomplete: return .needsMore
    case .tooLarge:
      return .refuse(HTTPResponse(status: 431, "the header is longer than \(limits.head) octets"))
    case .malformed(let what): return .refuse(HTTPResponse(status: 400, what))
    case .complete(let head, let bodyStart): return read(head, bodyStart)
    }
  }

  private mutating func read(_ head: HTTPHead, _ bodyStart: Int) -> Step {
    let length: Int
    switch head.bodyLength {
    case .unsaid: length = 0
    case .octets(let count): length = count
    case .chunked: return .refuse(HTTPResponse(status: 411, "send the body with a Content-Length"))
    case .malformed(let what): return .refuse(HTTPResponse(status: 400, what))
    }
    guard length <= limits.body else {
      return .refuse(HTTPResponse(status: 413, "the body is longer than \(limits.body) octets"))
    }
    needed = bodyStart + length
    let rest = received[bodyStart...]
    return request(head, body: rest.count >= length ? Array(rest.prefix(length)) : nil)
  }

  /// Refuses a bad request line at once and takes a good one when its body is there.
  private func request(_ head: HTTPHead, body: [UInt8]?) -> Step {
    let words = head.startLine.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    guard words.count == 3, words[0].utf8.allSatisfy(HTTPHead.isTokenCharacter), !words[0].isEmpty,
      words[1].hasPrefix("/")
    else { return .refuse(HTTPResponse(status: 400, "no request line")) }
    guard ["HTTP/1.1", "HTTP/1.0"].contains(words[2]) else {
      return .refuse(HTTPResponse(status: 505, "speak HTTP/1.1"))
    }
    guard words[2] == "HTTP/1.0" || head.values("host").count == 1 else {
      return .refuse(HTTPResponse(status: 400, "HTTP/1.1 wants one Host field"))
    }
    guard let body else { return .needsMore }
    let target = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(
      String.init)
    let query = target.count == 2 ? target[1] : nil
    return .request(HTTPRequest(HTTPMethod(words[0]), path: target[0], query: query, body: body))
  }
}
