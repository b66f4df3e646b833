import Glibc

/// Clients of one listener that connect, say the same and stay until this goes. None of them ever reads.
public final class Crowd: Sendable {
  /// Where they go.
  public enum Place: Sendable {
    case tcp(Node, port: UInt16)
    case unix(String)
  }

  private let clients: [Descriptor]

  fileprivate init(_ clients: [Descriptor]) { self.clients = clients }

  /// Those that were not turned away while they connected.
  public var count: Int { clients.count }
}

extension Lab {
  /// `count` clients, one behind the other. A full backlog (EAGAIN on a Unix socket) is waited for.
  public func startCrowd(_ count: Int, at place: Crowd.Place, saying bytes: [UInt8] = []) throws -> Crowd {
    try allowDescriptors(count + 1024)
    switch place {
    case .tcp(let node, let port):
      guard let address = SocketAddress("127.0.0.1", port: port) else {
        throw LabError("starting a crowd", "no address")
      }
      return try namespace(node).inside { Crowd(try connect(count, AF_INET, address, saying: bytes)) }
    case .unix(let path):
      guard let address = SocketAddress(path: path) else {
        throw LabError("starting a crowd", "the path is too long: \(path)")
      }
      return Crowd(try connect(count, AF_UNIX, address, saying: bytes))
    }
  }
}

private func connect(
  _ count: Int, _ family: Int32, _ address: SocketAddress, saying bytes: [UInt8]
) throws(LabError) -> [Descriptor] {
  var clients: [Descriptor] = []
  for _ in 0..<count {
    let socket = try Descriptor.socket(family, .stream, .nonblocking)
    let code = eventually(within: .seconds(2), step: .milliseconds(1)) { () -> Int32? in
      let code = socket.connect(address)
      return code == EAGAIN ? nil : code
    }
    guard let code, code == 0 || code == EINPROGRESS else {
      throw LabError("connecting one of \(count) clients", errno: code ?? EAGAIN)
    }
    var waiting = pollfd(fd: socket.number, events: Int16(POLLOUT), revents: 0)
    poll(&waiting, 1, 1000)
    if !bytes.isEmpty, sendSome(bytes, to: socket.number) == nil { continue }
    clients.append(socket)
  }
  return clients
}
