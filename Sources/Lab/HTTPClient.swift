import Glibc

/// One HTTP request over a blocking socket with one deadline for all of it.
struct HTTPClient {
  var host: String
  var port: UInt16 = 80
  var path = "/"
  var fields: [String: String] = [:]
  /// The address to send from; nil lets the kernel choose.
  var source: String?
  var limit: Duration = .seconds(2)
  /// Octets of zeros that go with the request, as its body.
  var upload = 0

  /// Octets of a response.
  private static let maximum = 64 << 20

  struct Response: Hashable, Sendable {
    /// The status line and fields, without the empty line.
    let head: String
    let body: String
    var code: Int? { head.split(separator: " ").dropFirst().first.flatMap { Int($0) } }
  }

  /// To be called on a thread in the namespace that asks. Reads until the server closes.
  func get() throws -> Response {
    let end = Moment.now + limit.patient
    let socket = try connected(until: end)
    try send(until: end, on: socket)
    var received: [UInt8] = []
    while true {
      try wait(for: POLLIN, on: socket, until: end, "reading from \(host):\(port)")
      let bytes = receiveSome(from: socket.number)
      if bytes.isEmpty { break }
      received += bytes
      guard received.count <= HTTPClient.maximum, Moment.now < end else {
        throw LabError("reading from \(host):\(port)", "no end after \(received.count) octets")
      }
    }
    let text = String(decoding: received, as: UTF8.self)
    guard let gap = text.firstRange(of: "\r\n\r\n") else {
      throw LabError("reading from \(host):\(port)", "no HTTP: \(text.prefix(80))")
    }
    return Response(head: String(text[..<gap.lowerBound]), body: String(text[gap.upperBound...]))
  }

  private func send(until end: Moment, on socket: Descriptor) throws {
    let body = upload > 0 ? ["Content-Length: \(upload)"] : []
    let head = ["Host: \(host)", "Connection: close"] + body + fields.map { "\($0.key): \($0.value)" }
    let request =
      "\(upload > 0 ? "PUT" : "GET") \(path) HTTP/1.1\r\n\(head.joined(separator: "\r\n"))\r\n\r\n"
    var unsent = Array(request.utf8)
    var left = upload
    while !unsent.isEmpty || left > 0 {
      if unsent.isEmpty {
        unsent = [UInt8](repeating: 0, count: min(left, 65536))
        left -= unsent.count
      }
      guard let sent = sendSome(unsent, to: socket.number) else {
        throw LabError("asking \(host):\(port)", errno: errno)
      }
      unsent.removeFirst(sent)
      if sent == 0 { try wait(for: POLLOUT, on: socket, until: end, "sending to \(host):\(port)") }
    }
  }

  private func connected(until end: Moment) throws -> Descriptor {
    guard let address = SocketAddress(host, port: port) else {
      throw LabError("asking \(host)", "no address")
    }
    let socket = try Descriptor.socket(host.contains(":") ? AF_INET6 : AF_INET, .stream, .nonblocking)
    if let source {
      guard let local = SocketAddress(source, port: 0) else { throw LabError("binding", "no address") }
      try socket.bind(local, called: source)
    }
    let code = socket.connect(address)
    guard code == 0 || code == EINPROGRESS else {
      throw LabError("connecting to \(host):\(port)", errno: code)
    }
    try wait(for: POLLOUT, on: socket, until: end, "connecting to \(host):\(port)")
    let late = socket.pendingError
    guard late == 0 else { throw LabError("connecting to \(host):\(port)", errno: late) }
    return socket
  }

  private func wait(
    for event: Int32, on socket: Descriptor, until end: Moment, _ attempt: String
  ) throws(LabError) {
    var waiting = [pollfd(fd: socket.number, events: Int16(event), revents: 0)]
    guard poll(&waiting, 1, end.pollTimeout) > 0 else {
      throw LabError(attempt, "no answer in \(limit.patient)")
    }
  }
}

extension Lab {
  /// Who asks, and with which source address.
  public enum Origin: Sendable {
    case pod
    /// From the node's own sockets: bound to the egress IP.
    case gateway
    /// From the node's own sockets, as they come.
    case node(Node)
  }

  /// Asks the server in the Internet for the address that it sees. The failure says what happened instead.
  ///
  /// - Parameter upload: octets that go with the question.
  public func fetch(
    from origin: Origin, host: String = Address.server, path: String = "/",
    upload: Int = 0, within limit: Duration = .seconds(2)
  ) -> Result<String, LabError> {
    var client = HTTPClient(host: host, path: path, limit: limit, upload: upload)
    let node: Node
    switch origin {
    case .pod: node = .pod
    case .gateway:
      node = .gateway
      client.source = Address.egress
    case .node(let other): node = other
    }
    do {
      let asker = client
      return .success(try namespace(node).inside { try asker.get().body })
    } catch let error as LabError {
      return .failure(error)
    } catch {
      return .failure(LabError("fetching from \(host)", "\(error)"))
    }
  }
}
