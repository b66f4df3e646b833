import EventLoop
import Glibc
import TestPeers
import Testing

@Suite("A probe that connects")
struct ConnectProbeTests {
  let loop: EventLoop

  init() throws { loop = try EventLoop() }

  func probe(_ address: String = "127.0.0.1", port: UInt16, _ options: ConnectProbe.Options) throws
    -> ConnectProbe.Outcome?
  {
    var outcome: ConnectProbe.Outcome?
    let probe = try ConnectProbe(on: loop, to: .init(address: address, port: port), options) {
      outcome = $0
      self.loop.stop()
    }
    #expect(outcome == nil)
    try loop.run()
    withExtendedLifetime(probe) {}
    return outcome
  }

  func tookUpTo(_ limit: Duration, _ outcome: ConnectProbe.Outcome?) -> Bool {
    if case .connected(let took) = outcome { took > .zero && took < limit } else { false }
  }

  @Test("who accepts has answered, is reset, and leaves no TIME_WAIT")
  func accepted() throws {
    let ends = Pipe()
    let writing = ends.writing
    let server = RawServer { peer in
      var byte: UInt8 = 0
      let count = recv(peer.fd, &byte, 1, 0)
      var text = count < 0 ? "\(errno)" : "closed"
      text += "\n"
      _ = write(writing, text, text.utf8.count)
    }
    let options = ConnectProbe.Options(timeout: .seconds(5), source: "127.0.0.1", device: "lo")
    #expect(tookUpTo(.seconds(5), try probe(port: server.port, options)))
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = read(ends.reading, &bytes, bytes.count)
    #expect(String(decoding: bytes[..<max(0, count)], as: UTF8.self) == "\(ECONNRESET)\n")
    #expect(waiting(towards: server.port) == 0)
  }

  @Test("who refuses has answered as well")
  func refused() throws {
    let deaf = RawServer.deafPort()
    defer { close(deaf.fd) }
    #expect(tookUpTo(.seconds(5), try probe(port: deaf.port, .init(timeout: .seconds(5)))))
  }

  @Test("who says nothing has failed at the deadline, and not before")
  func silent() throws {
    let full = try FullServer()
    let start = loop.now
    #expect(try probe(port: full.port, .init(timeout: .milliseconds(60))) == .failed(.timedOut))
    let took = loop.now - start
    #expect(took >= .milliseconds(60) && took < .seconds(2))
  }

  static let refusals: [(String, ConnectProbe.Options, Int32)] = [
    ("127.0.0.1", .init(timeout: .seconds(5), source: "192.0.2.1"), EADDRNOTAVAIL),
    ("127.0.0.1", .init(timeout: .seconds(5), device: "nosuch0"), ENODEV),
    ("127.0.0.1", .init(timeout: .seconds(5), source: "::1"), EAFNOSUPPORT),
    // No TCP to a group, with a route or without.
    ("224.0.0.1", .init(timeout: .seconds(5)), ENETUNREACH),
  ]

  @Test("what this host refuses was not sent", arguments: refusals)
  func notSent(_ address: String, _ options: ConnectProbe.Options, _ code: Int32) throws {
    #expect(try probe(address, port: 9, options) == .notSent(SystemError(rawValue: code)))
  }

  @Test("a mark needs the privilege")
  func mark() async {
    await #expect(processExitsWith: .success) {
      if geteuid() == 0 { seteuid(65_534) }
      let loop = try EventLoop()
      var outcome: ConnectProbe.Outcome?
      let options = ConnectProbe.Options(timeout: .seconds(5), mark: 7)
      let probe = try ConnectProbe(on: loop, to: .init(address: "127.0.0.1", port: 9), options) {
        outcome = $0
        loop.stop()
      }
      try loop.run()
      withExtendedLifetime(probe) {}
      precondition(outcome == .notSent(SystemError(rawValue: EPERM)))
    }
  }

  @Test("what is cancelled or released says nothing more", arguments: [true, false])
  func cancelled(_ isReleased: Bool) throws {
    let deaf = RawServer.deafPort()
    defer { close(deaf.fd) }
    var outcomes = 0
    var probe: ConnectProbe? = try ConnectProbe(
      on: loop, to: .init(address: "127.0.0.1", port: deaf.port), .init(timeout: .milliseconds(10))
    ) { _ in outcomes += 1 }
    if isReleased { probe = nil } else { probe?.cancel() }
    probe?.cancel()
    let end = try loop.after(.milliseconds(40)) { self.loop.stop() }
    try loop.run()
    withExtendedLifetime((end, probe)) {}
    #expect(outcomes == 0)
  }

  @Test("a probe may be released by its own report")
  func releasedInside() throws {
    let server = RawServer { _ in }
    var probe: ConnectProbe?
    probe = try ConnectProbe(
      on: loop, to: .init(address: "127.0.0.1", port: server.port), .init(timeout: .seconds(5))
    ) { _ in
      probe = nil
      self.loop.stop()
    }
    try loop.run()
    #expect(probe == nil)
  }

  @Test("a name is no address")
  func name() {
    #expect(throws: EventLoopError.notAnAddress("example.org")) {
      try ConnectProbe(
        on: loop, to: .init(address: "example.org", port: 443), .init(timeout: .seconds(1))
      ) { _ in }
    }
  }

  /// Connections in TIME_WAIT (state 06 of /proc/net/tcp) whose other end has this port.
  func waiting(towards port: UInt16) -> Int {
    guard let file = fopen("/proc/self/net/tcp", "r") else { return -1 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 512)
    var found = 0
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let fields = text.split(separator: " ")
      guard fields.count > 3, fields[3] == "06", let end = fields[2].split(separator: ":").last else {
        continue
      }
      if UInt16(end, radix: 16) == port { found += 1 }
    }
    return found
  }
}

/// A socket that listens and whose queue is full: the kernel answers no further SYN (listen(2)).
private final class FullServer {
  let port: UInt16
  private let fd: Int32
  private let first: Peer

  init() throws {
    (port, fd) = RawServer.deafPort()
    listen(fd, 0)
    first = Peer(connectingTo: port)
  }

  deinit { close(fd) }
}
