import Glibc
import Synchronization

/// TCP connections to a server in the Internet that takes whatever comes, all of them pressed as far as they go.
final class Transfer: Sendable {
  /// Each has its own port: the lab keeps the listener for as long as it lives.
  private static let lastPort = Atomic<UInt16>(9000)

  private let namespace: NetworkNamespace
  private let clients: [Descriptor]
  private let received = Count()
  private let stopFlag = StopFlag()
  private let server: WorkerThread

  /// Returns when every connection stands.
  ///
  /// - Parameters:
  ///   - count: of connections, from those addresses in turn.
  ///   - sources: local to the node; none: as the kernel chooses.
  init(_ lab: Lab, from node: Node, _ count: Int, sources: [String] = []) throws {
    try allowDescriptors(2 * count + 4096)
    namespace = try lab.namespace(node)
    let port = Transfer.lastPort.add(1, ordering: .relaxed).newValue
    let listener = try lab.namespace(.internet).inside { try Transfer.listener(port) }
    server = try WorkerThread(in: lab.namespace(.internet)) { [stopFlag, received] in
      preferThisThread()
      var sink = Sink(listener)
      while !stopFlag.isRaised { received.value.add(sink.turn(), ordering: .relaxed) }
    }
    lab.keep(server, stoppedBy: stopFlag)
    clients = try namespace.inside {
      try (0..<count).map {
        try Transfer.connection(to: port, from: sources.isEmpty ? nil : sources[$0 % sources.count])
      }
    }
  }

  private static func listener(_ port: UInt16) throws -> Descriptor {
    let socket = try Descriptor.socket(AF_INET, .stream, .nonblocking)
    try socket.setOption(SOL_SOCKET, SO_REUSEADDR)
    guard let address = SocketAddress(Address.server, port: port) else {
      throw LabError("listening", "no address")
    }
    try socket.bind(address, called: "TCP port \(port)")
    guard listen(socket.number, 4096) == 0 else { throw LabError("listening on port \(port)", errno: errno) }
    return socket
  }

  private static func connection(to port: UInt16, from source: String?) throws -> Descriptor {
    let socket = try Descriptor.socket(AF_INET, .stream, .blocking)
    if let source {
      guard let own = SocketAddress(source, port: 0) else {
        throw LabError("binding to \(source)", "no address")
      }
      try socket.bind(own, called: source)
    }
    guard let server = SocketAddress(Address.server, port: port) else {
      throw LabError("connecting", "no address")
    }
    // SO_SNDTIMEO bounds connect(2) as well.
    var patience = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(
      socket.number, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    let code = socket.connect(server)
    guard code == 0 else { throw LabError("connecting from \(source ?? "anywhere")", errno: code) }
    return socket
  }

  /// Octets that arrive in a second.
  func rate(over time: Duration) throws -> Double {
    try namespace.inside { [self] in
      preferThisThread()
      let block = [UInt8](repeating: 0x55, count: 64 << 10)
      var list = PollList()
      for client in clients { _ = list.add(client.number, POLLOUT) }
      let (start, before) = (Moment.now, received.value.load(ordering: .relaxed))
      while Moment.now - start < time {
        for slot in list.wait(milliseconds: 10) {
          guard sendSome(block, to: clients[slot].number) != nil else {
            throw LabError("sending on a connection", errno: errno)
          }
        }
      }
      return Double(received.value.load(ordering: .relaxed) - before) / (Moment.now - start).seconds
    }
  }

  func stop() throws {
    stopFlag.raise()
    try server.join()
  }
}

private final class Count: Sendable {
  let value = Atomic<Int>(0)
}

/// Takes every connection, and whatever comes on it.
private struct Sink {
  private let listener: Descriptor
  private var list = PollList()
  private var connections: [Int: Descriptor] = [:]
  private let listening: Int

  init(_ listener: Descriptor) {
    self.listener = listener
    listening = list.add(listener.number, POLLIN)
  }

  /// Octets that came.
  mutating func turn() -> Int {
    var octets = 0
    for slot in list.wait(milliseconds: 20) {
      guard slot != listening else {
        while let (client, _) = listener.accept() {
          connections[list.add(client.number, POLLIN)] = client
        }
        continue
      }
      // MSG_TRUNC of tcp(7): thrown away where it is.
      let got = connections[slot].map { recv($0.number, nil, 1 << 20, Int32(MSG_TRUNC)) } ?? 0
      if got > 0 { octets += got } else { end(slot) }
    }
    return octets
  }

  private mutating func end(_ slot: Int) {
    list.remove(slot)
    connections[slot] = nil
  }
}
