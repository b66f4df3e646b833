import EventLoop
import Glibc
import Model
import TestPeers
import Testing

@testable import ZeroTier

@Suite("Asking zerotier-one")
struct ClientTests {
  let loop: EventLoop
  let api = FakeAPI(token: "secret")
  let directory = TemporaryDirectory()
  let network = ReportTests.network
  var networkPath: String { "/network/\(network)" }

  init() throws {
    loop = try EventLoop()
    directory.write("authtoken.secret", "secret\n")
    api.answer("/status", try recorded("status-online"))
    api.answer(networkPath, try recorded("network-ok"))
    api.answer("/peer/89e2f8ab78", try recorded("peer-direct"))
    api.answer("/peer/0123456789", try recorded("peer-unknown"))
  }

  func client(_ port: UInt16?, deadline: Duration = .seconds(5), credentials: String? = nil) throws
    -> ZeroTierClient
  {
    let endpoint = port.map { ZeroTierClient.Endpoint(IPAddress("127.0.0.1")!, port: $0) }
    return try ZeroTierClient(
      on: loop,
      ZeroTierClient.Settings(
        network: network, endpoint: endpoint, authTokenFile: directory.path + "/authtoken.secret",
        credentialsDirectory: credentials, deadline: deadline))
  }

  /// One round, to its end.
  func poll(_ client: ZeroTierClient, peers: [String] = []) throws -> ZeroTierPoll {
    var polls: [ZeroTierPoll] = []
    let isTaken = client.poll(peers: peers.compactMap { ZeroTierNodeID($0) }) { poll in
      polls.append(poll)
      loop.stop()
    }
    #expect(isTaken && polls.isEmpty)
    // One round at a time.
    #expect(!client.poll { _ in Issue.record("a second round was taken") })
    try loop.run()
    #expect(polls.count == 1)
    return polls[0]
  }

  func failure(_ answer: Result<NetworkAnswer, APIFailure>) -> APIFailure? {
    if case .failure(let failure) = answer { failure } else { nil }
  }

  @Test("many peers are asked for with one question, and those that are not listed are not known")
  func manyPeers() throws {
    let body = try String(decoding: recorded("peer-direct"), as: UTF8.self)
    let bad = #"{"address":"1111111111","latency":"x"}"#
    api.answer("/peer", Array("[{},\(body),7,\(bad)]".utf8))
    let server = api.start()
    let names = ["89e2f8ab78", "0123456789", "1111111111", "2222222222", "3333333333"]
    let poll = try poll(client(server.port), peers: names)
    #expect(api.questions == [networkPath, "/status", "/peer"])
    let ids = names.compactMap { ZeroTierNodeID($0) }
    #expect(poll.peers.count == 5)
    #expect(try poll.peers[ids[0]]?.get()?.latency == .milliseconds(11))
    #expect(poll.peers[ids[1]] == .success(nil))
    #expect(throws: APIFailure.self) { try poll.peers[ids[2]]?.get() }
  }

  @Test("a round asks for the network, the node and each peer, one after another on one connection")
  func wholeRound() throws {
    let server = api.start()
    let peers = ["89e2f8ab78", "0123456789", "89e2f8ab78"]
    let poll = try poll(client(server.port), peers: peers)
    guard case .joined(let report) = try poll.network.get() else {
      Issue.record("not joined")
      return
    }
    #expect(report.status == .ok && report.interface?.text == "ztwb2oxa4k")
    #expect(try poll.node.get().online)
    #expect(try poll.peers[ZeroTierNodeID("89e2f8ab78")!]?.get()?.latency == .milliseconds(11))
    #expect(try poll.peers[ZeroTierNodeID("0123456789")!]?.get() == .some(nil))
    #expect(api.questions == [networkPath, "/status", "/peer/89e2f8ab78", "/peer/0123456789"])
    #expect(api.connections == 1)
  }

  @Test("no connection is left open behind a round, whether its questions were all answered or not")
  func closed() throws {
    let server = api.start()
    let client = try client(server.port)
    _ = try poll(client)
    // The server takes the next one only once the client has closed the last.
    _ = try poll(client)
    api.accept(token: "rotated")
    #expect(try poll(client).node == .failure(.unauthorized))
    directory.write("authtoken.secret", "rotated")
    #expect(try poll(client).node.get().online)
    #expect(api.connections == 4)
  }

  @Test("an answer whose header and body come apart is one answer")
  func apart() throws {
    let body = try recorded("network-ok")
    api.answer(networkPath) { peer in
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
      usleep(20_000)
      peer.send(body)
    }
    let server = api.start()
    #expect(try poll(client(server.port)).network.get() != .notJoined)
  }

  @Test("404 with {} is a definite word, an empty 404 and 200 with {} are none")
  func notJoined() throws {
    let server = api.start()
    let client = try client(server.port)
    api.answer(networkPath, status: 404, Array("{}".utf8))
    #expect(try poll(client).network == .success(.notJoined))
    api.answer(networkPath, status: 404, [])
    #expect(try poll(client).network == .failure(.unexpectedStatus(404)))
    api.answer(networkPath, Array("{}".utf8))
    #expect(try poll(client).network == .failure(.malformed("id: no text")))
    // zerotier-one's passing answer while it stops.
    api.answer(networkPath, Array("[]".utf8))
    let stopping = try poll(client)
    #expect(stopping.network == .failure(.malformed("no JSON object")))
    // The node is asked all the same.
    #expect(try stopping.node.get().online)
  }

  @Test("an answer about another network is a failure that names it")
  func anotherNetwork() throws {
    api.answer(networkPath, try recorded("network-two-addresses"))
    let server = api.start()
    let other = try #require(ZeroTierNetworkID("5c304f20d0000001"))
    #expect(try poll(client(server.port)).network == .failure(.anotherNetwork(other)))
  }

  @Test("after a 401 the rest is not asked, and a rotated token is taken in the next round")
  func rotatedToken() throws {
    let server = api.start()
    let client = try client(server.port)
    api.accept(token: "rotated")
    let refused = try poll(client, peers: ["89e2f8ab78"])
    #expect(refused.network == .failure(.unauthorized) && refused.node == .failure(.unauthorized))
    #expect(refused.peers.values.allSatisfy { $0 == .failure(.unauthorized) })
    #expect(api.questions == [networkPath])
    directory.write("authtoken.secret", "  rotated \n")
    #expect(try poll(client).node.get().online)
  }

  @Test("nobody listening, a hang and a dripping answer are told apart, and end the round")
  func unreachable() throws {
    let (port, fd) = RawServer.deafPort()
    defer { close(fd) }
    let refused = try poll(client(port), peers: ["89e2f8ab78"])
    #expect(refused.network == .failure(.refused) && refused.node == .failure(.refused))
    #expect(refused.peers == [ZeroTierNodeID("89e2f8ab78")!: .failure(.refused)])

    let hanging = RawServer { _ = $0.receive() }
    #expect(try poll(client(hanging.port, deadline: .milliseconds(50))).node == .failure(.timedOut))

    let dripping = RawServer { peer in
      for octet in "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{{{{{{{".utf8 {
        guard peer.send([octet]) else { return }
        usleep(10_000)
      }
    }
    #expect(try poll(client(dripping.port, deadline: .milliseconds(100))).network == .failure(.timedOut))
  }

  @Test("an endless answer, garbage and a broken connection are told apart")
  func unusable() throws {
    let endless = RawServer { peer in
      _ = peer.receive(until: "\r\n\r\n")
      peer.send("HTTP/1.1 200 OK\r\n\r\n")
      let block = [UInt8](repeating: 0x20, count: 65536)
      while peer.send(block) {}
    }
    #expect(try poll(client(endless.port)).network == .failure(.tooLarge))

    let garbage = RawServer { peer in
      _ = peer.receive(until: "\r\n\r\n")
      peer.send("SSH-2.0-\u{1b}[2J\r\n")
    }
    guard case .malformed(let what) = failure(try poll(client(garbage.port)).network) else {
      Issue.record("not malformed")
      return
    }
    #expect(what.hasPrefix("it begins with \"SSH-2.0-?[2J"))

    let broken = RawServer { peer in
      _ = peer.receive(until: "\r\n\r\n")
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{")
    }
    #expect(try poll(client(broken.port)).network == .failure(.closedEarly))
  }

  @Test("the port file is followed when it changes, and used only if it holds a port")
  func portFile() throws {
    let client = try client(nil)
    let (first, second) = (api.start(), api.start())
    for server in [first, second] {
      directory.write("zerotier-one.port", "\(server.port)")
      #expect(try poll(client).node.get().online)
    }
    let files = LocalFiles(authTokenFile: directory.path + "/authtoken.secret", credentialsDirectory: nil)
    for text in ["", "0", "65536", "99x", "-1", "123456789012345678901234567890"] {
      directory.write("zerotier-one.port", text)
      #expect(files.port() == 9993)
    }
    directory.write("zerotier-one.port", "19993")
    #expect(files.port() == 19993)
  }

  @Test("a token file that cannot be used is named with the reason, and nobody is asked")
  func tokenFile() throws {
    let server = api.start()
    let client = try client(server.port)
    let path = directory.path + "/authtoken.secret"
    for (text, error) in [
      ("", ENODATA), (" \n", ENODATA), (String(repeating: "x", count: 4097), EFBIG), ("a\r\nX: y", EILSEQ),
    ] {
      directory.write("authtoken.secret", text)
      #expect(
        try poll(client).network == .failure(.tokenUnreadable(path: path, SystemError(rawValue: error))))
    }
    unlink(path)
    let missing = try poll(client, peers: ["89e2f8ab78"])
    #expect(missing.node == .failure(.tokenUnreadable(path: path, SystemError(rawValue: ENOENT))))
    #expect(missing.peers.count == 1 && api.questions.isEmpty)
  }

  @Test("systemd's credential goes before the file, if there is one")
  func credential() throws {
    let server = api.start()
    let credentials = TemporaryDirectory()
    let client = try client(server.port, credentials: credentials.path)
    #expect(try poll(client).node.get().online)
    credentials.write("authtoken", "other")
    #expect(try poll(client).node == .failure(.unauthorized))
  }

  @Test("a released client never calls back")
  func released() throws {
    let server = RawServer { _ = $0.receive() }
    var client: ZeroTierClient? = try client(server.port, deadline: .milliseconds(20))
    #expect(client?.poll { _ in Issue.record("called") } == true)
    client = nil
    let end = try loop.after(.milliseconds(60)) { loop.stop() }
    try loop.run()
    withExtendedLifetime(end) {}
  }
}
