import EventLoop
import Glibc
import TestPeers
import Testing

@Suite("The HTTP server")
struct HTTPServerTests {
  let loop: EventLoop

  init() throws { loop = try EventLoop() }

  func server(_ limits: HTTPLimits = HTTPLimits()) throws -> HTTPServer {
    try HTTPServer(on: loop, at: .tcp(address: "127.0.0.1", port: 0), limits: limits) { request in
      let query = request.query.map { " query \($0)" } ?? ""
      let text = "\(request.method.text) \(request.path)\(query) body \(request.body.count)"
      if request.path == "/read-only" { return .notAllowed([.get, .head]) }
      return HTTPResponse(status: request.path == "/missing" ? 404 : 200, text)
    }
  }

  /// Runs the loop while a thread does something with the server, and hands over what it returns.
  func running<Value: Sendable>(_ body: @escaping @Sendable () -> Value) throws -> Value {
    let pipe = Pipe()
    let source = try loop.watch(readable: pipe.reading) { self.loop.stop() }
    let writing = pipe.writing
    let job = Job {
      defer { _ = write(writing, "x", 1) }
      return body()
    }
    try loop.run()
    source.cancel()
    return job.value()
  }

  func exchange(_ port: UInt16, _ request: String) throws -> String {
    try running {
      let peer = Peer(connectingTo: port)
      peer.send(request)
      return peer.receive()
    }
  }

  @Test(
    "a request gets one answer, its length and the end of the connection",
    arguments: [
      ("GET /a/b?c=d HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a/b query c=d body 0\n"),
      ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "POST / body 3\n"),
      ("BREW /pot HTTP/1.0\n\n", "BREW /pot body 0\n"),
      ("GET /? HTTP/1.1\r\nHost: x\r\n\r\nGET /second HTTP/1.1\r\nHost: x\r\n\r\n", "GET / query  body 0\n"),
    ])
  func answers(_ request: String, _ body: String) throws {
    let server = try server()
    let answer = try exchange(server.port, request)
    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\nDate: "))
    #expect(
      answer.hasSuffix(
        " GMT\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n"
          + body))
  }

  @Test("HEAD gets the length of the body and not the body")
  func head() throws {
    let server = try server()
    let answer = try exchange(server.port, "HEAD /missing HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 404 Not Found\r\n"))
    #expect(answer.hasSuffix("Content-Length: 21\r\nConnection: close\r\n\r\n"))
  }

  @Test("a method that is not for it is answered with those that are")
  func notAllowed() throws {
    let server = try server()
    let answer = try exchange(server.port, "POST /read-only HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 405 Method Not Allowed\r\n"))
    #expect(answer.hasSuffix("\r\nAllow: GET, HEAD\r\n\r\nonly for GET, HEAD\n"), "\(answer)")
  }

  @Test(
    "what is no request within the limits is refused and never handled",
    arguments: [
      ("hello\r\n\r\n", 400), ("\r\n\r\n", 400), ("GET / HTTP/9.9\r\n\r\n", 505),
      ("GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\n\r\n", 400), ("G\u{1}T / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
      ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", 413),
      ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
      ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
      ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nX: " + String(repeating: "y", count: 9000) + "\r\n\r\n", 431),
      (String(repeating: "z", count: 200_000), 431),
    ])
  func refusals(_ request: String, _ status: Int) throws {
    let server = try server()
    #expect(try exchange(server.port, request).hasPrefix("HTTP/1.1 \(status) "))
    #expect(server.connectionCount <= 1)
  }

  @Test("a thousand idle clients keep nobody waiting and hold no more places than there are")
  func idleClients() throws {
    allowDescriptors(4096)
    let server = try server()
    let port = server.port
    let (answers, longest) = try running {
      let idle = (0..<1000).map { _ in Peer(connectingTo: port) }
      var answers: [String] = []
      var longest = Duration.zero
      for _ in 0..<20 {
        let start = MonotonicTime.now
        let peer = Peer(connectingTo: port)
        peer.send("GET /quick HTTP/1.1\r\nHost: x\r\n\r\n")
        answers.append(peer.receive())
        longest = max(longest, MonotonicTime.now - start)
      }
      withExtendedLifetime(idle) {}
      return (answers, longest)
    }
    #expect(answers.allSatisfy { $0.hasPrefix("HTTP/1.1 200 OK") })
    #expect(longest < .seconds(1))
    #expect(server.connectionCount <= 64)
  }

  @Test("a client that has said nothing and whose place is needed is told why")
  func crowdedOut() throws {
    var limits = HTTPLimits()
    limits.connections = 1
    let server = try server(limits)
    let port = server.port
    let (first, second) = try running {
      let idle = Peer(connectingTo: port)
      let peer = Peer(connectingTo: port)
      peer.send("GET / HTTP/1.0\r\n\r\n")
      return (idle.receive(), peer.receive())
    }
    #expect(first.hasPrefix("HTTP/1.1 503 ") && first.hasSuffix("too many clients; ask again\n"))
    #expect(second.hasPrefix("HTTP/1.1 200 "))
  }

  @Test("an octet at a time is the same request, and one that never ends its answer's drain is cut off")
  func octets() throws {
    let server = try server()
    let port = server.port
    let (answer, sent) = try running {
      let peer = Peer(connectingTo: port)
      for octet in "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde" { peer.send("\(octet)") }
      let answer = peer.receive()
      let endless = Peer(connectingTo: port)
      endless.send("GET / HTTP/1.0\r\n\r\n")
      let piece = String(repeating: "z", count: 16_384)
      var sent = 0
      while sent < 64 << 20, endless.send(piece) { sent += piece.utf8.count }
      return (answer, sent)
    }
    #expect(answer.hasSuffix("POST /a body 5\n"))
    // What the kernel holds on the way comes to a few megabytes.
    #expect(sent < 32 << 20)
  }

  @Test("a client that drips its request, or says nothing, is dropped at the deadline")
  func drippingClient() throws {
    var limits = HTTPLimits()
    limits.timeout = .milliseconds(150)
    let server = try server(limits)
    let port = server.port
    let waited = try running {
      let start = MonotonicTime.now
      let silent = Peer(connectingTo: port)
      let dripping = Peer(connectingTo: port)
      while dripping.send("x") && MonotonicTime.now - start < .seconds(5) { usleep(10_000) }
      #expect(silent.receive() == "")
      return MonotonicTime.now - start
    }
    #expect(waited >= .milliseconds(100) && waited < .seconds(3))
    #expect(server.connectionCount == 0)
  }

  @Test("a client that does not read its answer is dropped at the deadline, and others are served meanwhile")
  func slowReader() throws {
    var limits = HTTPLimits()
    limits.timeout = .seconds(1)
    let large = [UInt8](repeating: 0x61, count: 32 << 20)
    let server = try HTTPServer(on: loop, at: .tcp(address: "127.0.0.1", port: 0), limits: limits) {
      HTTPResponse(status: 200, contentType: "text/plain", body: $0.path == "/large" ? large : [])
    }
    let port = server.port
    let (quick, received) = try running {
      let slow = Peer(connectingTo: port)
      slow.send("GET /large HTTP/1.0\r\n\r\n")
      let start = MonotonicTime.now
      let peer = Peer(connectingTo: port)
      peer.send("GET / HTTP/1.0\r\n\r\n")
      #expect(peer.receive().hasPrefix("HTTP/1.1 200 OK"))
      let quick = MonotonicTime.now - start
      usleep(1_500_000)
      return (quick, slow.receive().utf8.count)
    }
    #expect(quick < limits.timeout)
    #expect(received < large.count)
    #expect(server.connectionCount == 0)
  }

  @Test("a handler may close and release the server")
  func closedByHandler() throws {
    var server: HTTPServer?
    server = try HTTPServer(on: loop, at: .tcp(address: "127.0.0.1", port: 0)) { _ in
      server?.close()
      server = nil
      return HTTPResponse(status: 200, "last words")
    }
    let port = server?.port ?? 0
    _ = try exchange(port, "GET / HTTP/1.0\r\n\r\n")
    #expect(server == nil)
  }

  @Test("a port in use, and what is no address, are errors that name it")
  func unavailable() throws {
    let server = try server()
    let attempt = "listening on 127.0.0.1:\(server.port)"
    #expect(throws: EventLoopError.system(attempt: attempt, SystemError(rawValue: EADDRINUSE))) {
      try HTTPServer(on: self.loop, at: .tcp(address: "127.0.0.1", port: server.port)) { _ in
        HTTPResponse(status: 200, "")
      }
    }
    #expect(throws: EventLoopError.notAnAddress("localhost")) {
      try HTTPServer(on: self.loop, at: .tcp(address: "localhost", port: 0)) { _ in
        HTTPResponse(status: 200, "")
      }
    }
  }

  @Test("without descriptors for new clients the server pauses and neither spins nor dies")
  func outOfDescriptors() async {
    await #expect(processExitsWith: .success) {
      let loop = try EventLoop()
      let end = try loop.after(.seconds(20)) { loop.stop() }
      let server = try HTTPServer(on: loop, at: .tcp(address: "127.0.0.1", port: 0)) { _ in
        // Time for the answer to leave.
        do { try end.rearm(after: .milliseconds(100)) } catch { loop.stop() }
        return HTTPResponse(status: 200, "back again")
      }
      let client = Peer(connectingTo: server.port)
      client.send("GET / HTTP/1.0\r\n\r\n")
      // To ask for it takes a descriptor.
      let before = voluntarySwitches()
      // The loop needs no further descriptor, and accept(2) gets none.
      var fillers: [Int32] = []
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      limit.rlim_cur = 256
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      while case let fd = dup(client.fd), fd >= 0 { fillers.append(fd) }
      let start = MonotonicTime.now
      var failing = Duration.zero
      let relief = try loop.every(.milliseconds(20)) {
        guard server.acceptFailures >= 3, !fillers.isEmpty else { return }
        failing = MonotonicTime.now - start
        for fd in fillers { close(fd) }
        fillers = []
      }
      try loop.run()
      withExtendedLifetime((relief, end)) {}
      // The first at once, and a pause of 100 ms before each of the others.
      let pauses = server.acceptFailures - 1
      precondition(pauses >= 2 && failing > .milliseconds(95 * pauses), "\(pauses) pauses in \(failing)")
      precondition(voluntarySwitches() - before < 100)
      precondition(client.receive().hasSuffix("back again\n"))
    }
  }
}
