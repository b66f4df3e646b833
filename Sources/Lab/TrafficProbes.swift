import Glibc

enum SendOutcome { case sent, refused }

/// One kind of question to the server. Lives on one thread, which is in the namespace that asks.
protocol TrafficProbe {
  /// Asks once. A refusal of the kernel's is an outcome, not an error: a blackhole says EINVAL.
  mutating func send(_ sequence: UInt32) throws -> SendOutcome
  /// Takes answers until that time, each with the client's address where the server tells it.
  mutating func collect(until end: Moment, _ answered: (String?) -> Void)
}

/// `source` nil lets the kernel choose the source address.
func makeProbe(_ kind: TrafficFlow.Kind, from source: String?) throws -> any TrafficProbe {
  switch kind {
  case .tcp: TCPProbe(source: source)
  case .udp: try UDPProbe(to: Address.server, from: source)
  case .icmp: try ICMPProbe(from: source)
  case .stream: try StreamProbe(from: source)
  case .ipv6: try UDPProbe(to: Address.serverIPv6, from: source)
  }
}

/// A socket that sends from `source` even while no link has that address (`IP_TRANSPARENT`, ip(7)): what
/// leaves a host must not depend on an address that comes and goes.
func socket(
  _ kind: SocketKind, protocol number: Int32 = 0, to host: String, from source: String?
) throws(LabError) -> Descriptor {
  let isIPv6 = host.contains(":")
  let socket = try Descriptor.socket(isIPv6 ? AF_INET6 : AF_INET, kind, .nonblocking, protocol: number)
  guard let source else { return socket }
  guard let local = SocketAddress(source, port: 0) else {
    throw LabError("binding to \(source)", "no address")
  }
  if isIPv6 {
    try socket.setOption(Int32(IPPROTO_IPV6), IPV6_TRANSPARENT)
  } else {
    try socket.setOption(Int32(IPPROTO_IP), IP_TRANSPARENT)
  }
  try socket.bind(local, called: source)
  return socket
}

func address(of host: String, port: UInt16) throws(LabError) -> SocketAddress {
  guard let address = SocketAddress(host, port: port) else { throw LabError("asking \(host)", "no address") }
  return address
}

/// Waits for readiness until then; false when the time is up.
func waits(for descriptors: inout [pollfd], until end: Moment) -> Bool {
  poll(&descriptors, nfds_t(descriptors.count), end.pollTimeout) > 0
}

struct UDPProbe: TrafficProbe {
  private let descriptor: Descriptor
  private let server: SocketAddress

  init(to host: String, from source: String?) throws(LabError) {
    descriptor = try socket(.datagram, to: host, from: source)
    server = try address(of: host, port: 7)
  }

  func send(_ sequence: UInt32) -> SendOutcome {
    descriptor.send(Array("lab \(sequence)".utf8), to: server) < 0 ? .refused : .sent
  }

  func collect(until end: Moment, _ answered: (String?) -> Void) {
    var waiting = [pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)]
    while waits(for: &waiting, until: end) {
      guard let (bytes, _) = descriptor.receive() else {
        // An ICMP error that came back; reading has taken it off the socket.
        _ = descriptor.pendingError
        continue
      }
      let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
      if words.count == 3, words[1] == "lab" { answered(String(words[0])) }
    }
  }
}

private struct ICMPProbe: TrafficProbe {
  private let descriptor: Descriptor
  private let server: SocketAddress
  /// Tells this probe's answers from those of others on the host (RFC 792).
  private let identifier = UInt16.random(in: 1...UInt16.max)

  init(from source: String?) throws(LabError) {
    descriptor = try socket(.raw, protocol: Int32(IPPROTO_ICMP), to: Address.server, from: source)
    server = try address(of: Address.server, port: 0)
  }

  func send(_ sequence: UInt32) -> SendOutcome {
    var packet: [UInt8] = [8, 0, 0, 0, UInt8(identifier >> 8), UInt8(identifier & 0xff)]
    packet += [UInt8(sequence >> 8 & 0xff), UInt8(sequence & 0xff)]
    var sum = UInt32(0)
    for pair in stride(from: 0, to: packet.count, by: 2) {
      sum += UInt32(packet[pair]) << 8 | UInt32(packet[pair + 1])
    }
    while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
    packet[2] = UInt8(~sum >> 8 & 0xff)
    packet[3] = UInt8(~sum & 0xff)
    return descriptor.send(packet, to: server) < 0 ? .refused : .sent
  }

  func collect(until end: Moment, _ answered: (String?) -> Void) {
    var waiting = [pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)]
    while waits(for: &waiting, until: end) {
      guard let (bytes, _) = descriptor.receive(), let first = bytes.first else {
        _ = descriptor.pendingError
        continue
      }
      let header = Int(first & 0x0f) * 4
      guard bytes.count >= header + 8, bytes[header] == 0 else { continue }
      let found = UInt16(bytes[header + 4]) << 8 | UInt16(bytes[header + 5])
      if found == identifier { answered(nil) }
    }
  }
}

/// Connections that are given up after a second and reset once they stand.
private struct TCPProbe: TrafficProbe {
  let source: String?
  private var pending: [(descriptor: Descriptor, deadline: Moment)] = []

  init(source: String?) { self.source = source }

  mutating func send(_ sequence: UInt32) throws -> SendOutcome {
    let descriptor = try socket(.stream, to: Address.server, from: source)
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(
      descriptor.number, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    let code = descriptor.connect(try address(of: Address.server, port: InternetServers.httpPort))
    guard code == 0 || code == EINPROGRESS else { return .refused }
    pending.append((descriptor, .now + .seconds(1).patient))
    return .sent
  }

  mutating func collect(until end: Moment, _ answered: (String?) -> Void) {
    repeat {
      let now = Moment.now
      pending.removeAll { $0.deadline <= now }
      var waiting = pending.map { pollfd(fd: $0.descriptor.number, events: Int16(POLLOUT), revents: 0) }
      guard waits(for: &waiting, until: end) else { return }
      for (connection, state) in zip(pending, waiting) where state.revents != 0 {
        if connection.descriptor.pendingError == 0 { answered(nil) }
      }
      let done = Set(waiting.filter { $0.revents != 0 }.map(\.fd))
      pending.removeAll { done.contains($0.descriptor.number) }
    } while Moment.now < end
  }
}
