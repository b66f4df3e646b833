import Synchronization
import TestPeers

/// zerotier-one's API on loopback, as far as a test says what it answers.
final class FakeAPI: Sendable {
  typealias Answer = @Sendable (Peer) -> Void

  private let answers = Mutex<[String: Answer]>([:])
  private let asked = Mutex<[String]>([])
  private let served = Mutex(0)
  private let accepted: Mutex<String>

  init(token: String) { accepted = Mutex(token) }

  /// The server that speaks for it; keep it as long as it is asked.
  func start() -> RawServer { RawServer { [self] in serve($0) } }

  func answer(_ path: String, _ answer: @escaping Answer) { answers.withLock { $0[path] = answer } }

  func answer(_ path: String, status: Int = 200, _ body: [UInt8]) {
    answer(path) { peer in
      peer.send("HTTP/1.1 \(status) Whatever\r\nContent-Length: \(body.count)\r\n\r\n")
      peer.send(body)
    }
  }

  func accept(token: String) { accepted.withLock { $0 = token } }

  /// The paths that were asked for, in order.
  var questions: [String] { asked.withLock { $0 } }

  /// How many connections were made.
  var connections: Int { served.withLock { $0 } }

  /// One connection: until the request that is said to be its last, or until the client has gone.
  private func serve(_ peer: Peer) {
    served.withLock { $0 += 1 }
    var request = ""
    repeat {
      request = peer.receive(until: "\r\n\r\n")
      guard !request.isEmpty else { return }
      answer(request, peer)
    } while !request.contains("\r\nConnection: close\r\n")
  }

  private func answer(_ request: String, _ peer: Peer) {
    let path = String(request.split(separator: " ").dropFirst().first ?? "")
    asked.withLock { $0.append(path) }
    let token = accepted.withLock { $0 }
    guard request.contains("\r\nX-ZT1-Auth: \(token)\r\n") else {
      peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}")
      return
    }
    guard let answer = answers.withLock({ $0[path] }) else {
      peer.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
      return
    }
    answer(peer)
  }
}
