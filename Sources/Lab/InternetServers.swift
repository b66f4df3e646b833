import Glibc

/// The servers of the Internet: HTTP on port 80, echoes on 7, 53 and 443. HTTP and UDP answer with the client's
/// address as the server sees it.
struct InternetServers {
  static let httpPort: UInt16 = 80
  static let echoPorts: [UInt16] = [7, 53, 443]

  /// Serves until told to stop. To be run on a thread in the Internet's namespace.
  static func serve(until stop: StopFlag, opened: StopFlag) throws {
    var loop = try ServerLoop()
    opened.raise()
    while !stop.isRaised { loop.turn(within: 50) }
  }
}

private struct ServerLoop {
  enum Service { case http, echo }

  private final class Connection {
    let descriptor: Descriptor
    let client: String
    let service: Service
    var received: [UInt8] = []
    /// Of a request's body, as it says itself; nil: its head is not complete.
    var awaited: Int?
    /// What is still to be sent, and how many zeros behind it.
    var unsent: [UInt8] = []
    var zeros = 0
    var answered = false

    init(_ descriptor: Descriptor, from client: String, _ service: Service) {
      self.descriptor = descriptor
      self.client = client
      self.service = service
    }
  }

  private enum Place {
    case listener(Descriptor, Service)
    case datagrams(Descriptor)
    case connection(Connection)
    case vacant
  }

  /// As many as a host of the Internet can be asked to keep here.
  private static let mostConnections = 8192
  /// With more than so many it looks every half millisecond only: each look is at all of them.
  private static let crowd = 256

  private var places: [Place] = []
  private var list = PollList()
  private var connections = 0

  init() throws {
    for (port, service) in [(InternetServers.httpPort, Service.http)]
      + InternetServers.echoPorts.map({ ($0, .echo) })
    {
      let socket = try ServerLoop.listener(port)
      put(.listener(socket, service), watching: socket)
    }
    // One socket an address: an answer has to come from where the question went.
    let hosts = [Address.server, Address.excludedServer, Address.serverIPv6] + Address.otherServers
    for host in hosts {
      for port in InternetServers.echoPorts {
        let socket = try ServerLoop.datagram(host, port)
        put(.datagrams(socket), watching: socket)
      }
    }
  }

  private mutating func put(_ place: Place, watching socket: Descriptor) {
    let slot = list.add(socket.number, POLLIN)
    if slot == places.count { places.append(place) } else { places[slot] = place }
  }

  private static func listener(_ port: UInt16) throws -> Descriptor {
    let socket = try Descriptor.socket(AF_INET6, .stream, .nonblocking)
    try socket.setOption(SOL_SOCKET, SO_REUSEADDR)
    guard let address = SocketAddress("::", port: port) else { throw LabError("listening", "no address") }
    try socket.bind(address, called: "TCP port \(port)")
    guard listen(socket.number, 4096) == 0 else { throw LabError("listening on port \(port)", errno: errno) }
    return socket
  }

  private static func datagram(_ host: String, _ port: UInt16) throws -> Descriptor {
    let family = host.contains(":") ? AF_INET6 : AF_INET
    let socket = try Descriptor.socket(family, .datagram, .nonblocking)
    guard let address = SocketAddress(host, port: port) else {
      throw LabError("serving on \(host)", "no address")
    }
    try socket.bind(address, called: "UDP \(host) port \(port)")
    return socket
  }

  mutating func turn(within milliseconds: Int32) {
    for slot in list.wait(milliseconds: milliseconds) {
      switch places[slot] {
      case .listener(let socket, let service): welcome(to: socket, service)
      case .datagrams(let socket): answer(socket)
      case .connection(let connection):
        if serve(connection) {
          let isWriting = !connection.unsent.isEmpty || connection.zeros > 0
          list.await(isWriting ? POLLOUT : POLLIN, in: slot)
        } else {
          list.remove(slot)
          places[slot] = .vacant
          connections -= 1
        }
      case .vacant: break
      }
    }
    if connections > ServerLoop.crowd { pause(.microseconds(500)) }
  }

  private mutating func welcome(to socket: Descriptor, _ service: Service) {
    while connections < ServerLoop.mostConnections, let (client, from) = socket.accept() {
      put(.connection(Connection(client, from: from.host, service)), watching: client)
      connections += 1
    }
  }

  private func answer(_ socket: Descriptor) {
    while let (bytes, from) = socket.receive() {
      // The question comes back behind the address, so that the asker can tell its own.
      socket.send(Array("\(from.host) ".utf8) + bytes, to: from)
    }
  }

  /// False when the connection is done with.
  private func serve(_ connection: Connection) -> Bool {
    let number = connection.descriptor.number
    if connection.unsent.isEmpty, connection.zeros == 0 {
      let bytes = receiveSome(from: number)
      if bytes.isEmpty { return false }
      switch connection.service {
      case .echo: connection.unsent = bytes
      case .http: if !take(bytes, of: connection) { return false }
      }
    }
    return flush(connection)
  }

  /// Answers once head and body are there; of the body nothing is kept. False: more than a head may have.
  private func take(_ bytes: [UInt8], of connection: Connection) -> Bool {
    if let awaited = connection.awaited {
      connection.awaited = awaited - bytes.count
    } else {
      connection.received += bytes
      let text = String(decoding: connection.received, as: UTF8.self)
      guard let end = text.firstRange(of: "\r\n\r\n") else { return connection.received.count < 16384 }
      let head = text[..<end.lowerBound]
      let length = head.split(separator: "\r\n").lazy.compactMap { line in
        line.hasPrefix("Content-Length: ") ? Int(line.dropFirst("Content-Length: ".count)) : nil
      }.first
      connection.awaited = (length ?? 0) - text[end.upperBound...].utf8.count
      connection.received = Array(head.utf8)
    }
    if connection.awaited ?? 0 <= 0 { answerRequest(connection) }
    return true
  }

  /// `GET /bytes/N` gets N octets, anything else the client's address.
  private func answerRequest(_ connection: Connection) {
    let text = String(decoding: connection.received, as: UTF8.self)
    let path = text.split(separator: " ").dropFirst().first ?? "/"
    let zeros = path.hasPrefix("/bytes/") ? Int(path.dropFirst(7)) : nil
    let body = zeros == nil ? connection.client : ""
    let head =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: \(zeros ?? body.utf8.count)\r\n\r\n"
    connection.unsent = Array((head + body).utf8)
    connection.zeros = zeros ?? 0
    connection.answered = true
  }

  private func flush(_ connection: Connection) -> Bool {
    while !connection.unsent.isEmpty || connection.zeros > 0 {
      if connection.unsent.isEmpty {
        let count = min(connection.zeros, 65536)
        connection.unsent = [UInt8](repeating: 0, count: count)
        connection.zeros -= count
      }
      guard let sent = sendSome(connection.unsent, to: connection.descriptor.number) else { return false }
      if sent == 0 { return true }
      connection.unsent.removeFirst(sent)
    }
    return !connection.answered
  }
}
