import EventLoop
import Glibc
import Synchronization
import TestPeers
import Testing

@Suite("The HTTP client")
struct HTTPClientTests {
  let loop: EventLoop

  init() throws { loop = try EventLoop() }

  /// Asks once and runs the loop until the completion has been called, and a little longer.
  func get(
    _ port: UInt16, path: String = "/", headers: [(String, String)] = [],
    deadline: Duration = .seconds(5), maximumBody: Int = 1 << 20
  ) throws -> Result<HTTPAnswer, HTTPClientFailure> {
    let client = try HTTPClient(on: loop)
    var results: [Result<HTTPAnswer, HTTPClientFailure>] = []
    var end: EventSource?
    client.get(
      HTTPTarget(host: "127.0.0.1", port: port, path: path), headers: headers, deadline: deadline,
      maximumBody: maximumBody
    ) { result in
      results.append(result)
      end = try? self.loop.after(.milliseconds(10)) { self.loop.stop() }
    }
    #expect(results.isEmpty)
    try loop.run()
    withExtendedLifetime(end) {}
    #expect(results.count == 1 && client.pendingCount == 0)
    return results[0]
  }

  @Test("a request names its host and closes its connection, and an answer may come in pieces")
  func pieces() throws {
    let server = RawServer { peer in
      let request = peer.receive(until: "\r\n\r\n")
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(request.utf8.count)\r\n")
      usleep(5_000)
      peer.send("X-Thing:  a b \r\n\r\n")
      usleep(5_000)
      peer.send(request)
      // The connection stays open: the length ends the answer.
      _ = peer.receive()
    }
    let answer = try get(server.port, path: "/a?b", headers: [("X-Key", "secret")]).get()
    #expect(answer.status == 200 && answer[field: "x-thing"] == "a b")
    #expect(
      String(decoding: answer.body, as: UTF8.self)
        == "GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\nConnection: close\r\nX-Key: secret\r\n\r\n"
    )
  }

  @Test(
    "the next request has the last one's connection, and a new one where the server closes it or may have",
    arguments: [
      (Leaves.open, 1), (.saysClosed, 2), (.closed, 2), (.oldHTTP, 2), (.moreThanAsked, 2),
      (.unsaidLength, 2),
    ])
  func kept(_ leaves: Leaves, _ connections: Int) throws {
    let served = Mutex<[[String]]>([])
    let server = RawServer { peer in
      served.withLock { $0.append([]) }
      repeat {
        let request = peer.receive(until: "\r\n\r\n")
        guard !request.isEmpty else { return }
        served.withLock { $0[$0.count - 1].append(String(request.prefix { !$0.isNewline })) }
        peer.send(leaves.answer)
        if request.contains("\r\nConnection: close\r\n") { return }
      } while leaves != .closed && leaves != .unsaidLength
    }
    let client = try HTTPClient(on: loop)
    var bodies: [String] = []
    let get = { (path: String, keeps: Bool, completion: @escaping () -> Void) in
      client.get(
        HTTPTarget(host: "127.0.0.1", port: server.port, path: path), deadline: .seconds(5), maximumBody: 100,
        keepsConnection: keeps
      ) { result in
        bodies.append((try? result.get()).map { String(decoding: $0.body, as: UTF8.self) } ?? "\(result)")
        completion()
      }
    }
    get("/1", true) {
      // A server that closes has hung up by the time that the second one is sent, or hangs up over it.
      get("/2", false) { self.loop.stop() }
    }
    try loop.run()
    #expect(bodies == ["hi", "hi"])
    let requests = served.withLock { $0 }
    #expect(requests.filter { !$0.isEmpty }.count == connections)
    #expect(requests.flatMap { $0 } == ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1"])
  }

  /// How a server leaves its connection behind an answer.
  enum Leaves {
    case open, saysClosed, closed, oldHTTP, moreThanAsked, unsaidLength

    var answer: String {
      switch self {
      case .open, .closed: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
      case .saysClosed: "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nhi"
      case .oldHTTP: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"
      case .moreThanAsked: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n"
      case .unsaidLength: "HTTP/1.1 200 OK\r\n\r\nhi"
      }
    }
  }

  @Test(
    "an answer ends where its header says, or with the connection",
    arguments: [
      ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi"),
      ("HTTP/1.0 404 Not Found\n\nnot here", 404, "not here"),
      ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
      ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 \r\nContent-Length: 2\r\n\r\n{}", 401, "{}"),
      (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nT: x\r\n\r\n",
        200, "abcd"
      ),
    ])
  func answers(_ text: String, _ status: Int, _ body: String) throws {
    let server = RawServer { peer in
      _ = peer.receive(until: "\r\n\r\n")
      peer.send(text)
    }
    let answer = try get(server.port).get()
    #expect(answer.status == status && String(decoding: answer.body, as: UTF8.self) == body)
  }

  @Test(
    "what is no HTTP answer is malformed",
    arguments: [
      "hello\r\n\r\n", "\0\0\0\0", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nA: \u{1}\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    ])
  func garbage(_ text: String) throws {
    let server = RawServer { peer in
      _ = peer.receive(until: "\r\n\r\n")
      peer.send(text)
      // Not the end of the connection tells, but what has come.
      _ = peer.receive()
    }
    guard case .failure(.malformed) = try get(server.port) else {
      Issue.record("not malformed")
      return
    }
  }

  @Test("a port on which nobody listens refuses")
  func refused() throws {
    let (port, fd) = RawServer.deafPort()
    defer { close(fd) }
    #expect(try get(port) == .failure(.refused))
  }

  @Test("a server that says nothing times out, and so does one that never accepts")
  func silent() throws {
    let server = RawServer { _ = $0.receive() }
    #expect(try get(server.port, deadline: .milliseconds(50)) == .failure(.timedOut))
  }

  @Test("one octet at a time does not push the deadline off")
  func slow() throws {
    let server = RawServer { peer in
      _ = peer.receive(until: "\r\n\r\n")
      for octet in "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".utf8 {
        guard peer.send([octet]) else { return }
        usleep(20_000)
      }
    }
    let start = loop.now
    #expect(try get(server.port, deadline: .milliseconds(150)) == .failure(.timedOut))
    #expect(loop.now - start < .seconds(2))
  }

  @Test("ten gigabytes are not read, whether announced or not")
  func tooLarge() throws {
    let announced = RawServer { peer in
      _ = peer.receive(until: "\r\n\r\n")
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
      _ = peer.receive()
    }
    #expect(try get(announced.port, maximumBody: 1000) == .failure(.tooLarge))
    for head in [
      "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
    ] {
      let endless = RawServer { peer in
        _ = peer.receive(until: "\r\n\r\n")
        peer.send(head)
        let block = [UInt8](repeating: 0x61, count: 65536)
        while peer.send(block) {}
      }
      #expect(try get(endless.port, maximumBody: 1000) == .failure(.tooLarge))
    }
    let head = RawServer { peer in
      _ = peer.receive(until: "\r\n\r\n")
      peer.send("HTTP/1.1 200 OK\r\n")
      while peer.send("X-Filler: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n") {}
    }
    #expect(try get(head.port) == .failure(.tooLarge))
  }

  @Test(
    "a connection that ends before the answer does is no answer",
    arguments: ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"])
  func closedEarly(_ text: String) throws {
    let server = RawServer { peer in
      _ = peer.receive(until: "\r\n\r\n")
      peer.send(text)
    }
    #expect(try get(server.port) == .failure(.closedEarly))
  }

  @Test("what would smuggle in a line, and what is no address, is not sent and fails later")
  func unsendable() throws {
    let invalid = HTTPClientFailure.other(SystemError(rawValue: EINVAL))
    #expect(try get(1, path: "/ HTTP/1.1\r\nX: y") == .failure(invalid))
    #expect(try get(1, headers: [("X", "a\r\nY: b")]) == .failure(invalid))
    let client = try HTTPClient(on: loop)
    client.get(HTTPTarget(host: "localhost", port: 1, path: "/"), deadline: .seconds(1), maximumBody: 1) {
      #expect($0 == .failure(invalid))
      self.loop.stop()
    }
    try loop.run()
  }

  @Test("a released client never calls back")
  func released() throws {
    let server = RawServer { _ = $0.receive() }
    var client: HTTPClient? = try HTTPClient(on: loop)
    for path in ["/", "no path"] {
      client?.get(
        HTTPTarget(host: "127.0.0.1", port: server.port, path: path), deadline: .milliseconds(20),
        maximumBody: 1
      ) { _ in Issue.record("called") }
    }
    client = nil
    let end = try loop.after(.milliseconds(60)) { self.loop.stop() }
    try loop.run()
    withExtendedLifetime(end) {}
  }

  @Test("the source address is the one asked for")
  func source() throws {
    let server = try HTTPServer(on: loop, at: .tcp(address: "127.0.0.1", port: 0)) { _ in
      HTTPResponse(status: 200, "here")
    }
    let client = try HTTPClient(on: loop)
    var results: [Result<HTTPAnswer, HTTPClientFailure>] = []
    for source in ["127.0.0.2", "192.0.2.1"] {
      client.get(
        HTTPTarget(host: "127.0.0.1", port: server.port, path: "/", from: LocalEnd(source: source)),
        deadline: .seconds(5),
        maximumBody: 100
      ) {
        results.append($0)
        if results.count == 2 { self.loop.stop() }
      }
    }
    try loop.run()
    // Reported in the next round, so first.
    #expect(results[0] == .failure(.other(SystemError(rawValue: EADDRNOTAVAIL))))
    #expect(try results[1].get().status == 200)
  }
}
