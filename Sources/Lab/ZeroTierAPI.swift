import Glibc

/// zerotier-one's HTTP server: 127.0.0.1:9993, one request after another on a connection, seven at the most, five seconds
/// of patience with an idle one.
struct ZeroTierAPI {
  var answers: ZeroTierAnswers
  private var listener: Descriptor?
  private var connections: [Connection] = []

  private struct Connection {
    let descriptor: Descriptor
    let fromLoopback: Bool
    var deadline = Moment.now + .seconds(5)
    var received: [UInt8] = []
    var answered = 0
    var output = Output.idle
  }

  private enum Output {
    case idle
    /// Ends the connection with `thenCloses`.
    case sending([UInt8], thenCloses: Bool)
    /// One octet each second.
    case dripping([UInt8], next: Moment)
    /// Spaces for ever.
    case endless
    case silent
  }

  init(answers: ZeroTierAnswers) { self.answers = answers }

  /// From any address, as the real one listens; it then refuses everyone but the loopback.
  mutating func listen(on port: UInt16) throws(LabError) {
    listener = nil
    let socket = try Descriptor.socket(AF_INET, .stream, .nonblocking)
    try socket.setOption(SOL_SOCKET, SO_REUSEADDR)
    guard let address = SocketAddress("0.0.0.0", port: port) else {
      throw LabError("listening", "no address")
    }
    try socket.bind(address, called: "port \(port)")
    guard Glibc.listen(socket.number, 128) == 0 else { throw LabError("listening on \(port)", errno: errno) }
    listener = socket
  }

  mutating func stopListening() {
    listener = nil
    connections = []
  }

  /// What poll(2) shall look at.
  var interests: [pollfd] {
    var interests = listener.map { [pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0)] } ?? []
    interests += connections.map {
      var events = POLLIN
      switch $0.output {
      case .sending, .endless: events |= POLLOUT
      case .idle, .dripping, .silent: break
      }
      return pollfd(fd: $0.descriptor.number, events: Int16(events), revents: 0)
    }
    return interests
  }

  /// When it wants to be looked after though nothing happened; nil for never.
  var nextDeadline: Moment? {
    connections.map { if case .dripping(_, let next) = $0.output { next } else { $0.deadline } }.min()
  }

  mutating func handle(_ ready: Set<Int32>) {
    let now = Moment.now
    connections = connections.compactMap { connection in
      var connection = connection
      let number = connection.descriptor.number
      if ready.contains(number), !receive(&connection) { return nil }
      if !write(&connection, now) { return nil }
      if case .idle = connection.output, now >= connection.deadline { return nil }
      return connection
    }
    guard let listener, ready.contains(listener.number) else { return }
    while let (client, from) = listener.accept() {
      connections.append(Connection(descriptor: client, fromLoopback: from.host.hasPrefix("127.")))
    }
  }

  /// False when the client has gone.
  private func receive(_ connection: inout Connection) -> Bool {
    var byte: UInt8 = 0
    let peeked = recv(connection.descriptor.number, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
    if peeked < 0 { return errno == EAGAIN }
    if peeked == 0 { return false }
    connection.received += receiveSome(from: connection.descriptor.number)
    guard case .idle = connection.output else { return connection.received.count < 65536 }
    let text = String(decoding: connection.received, as: UTF8.self)
    guard text.contains("\r\n\r\n") else { return connection.received.count < 65536 }
    connection.received = []
    connection.answered += 1
    connection.output = output(
      for: HTTPRequestHead(text), fromLoopback: connection.fromLoopback,
      isLast: connection.answered == ZeroTierAPI.mostAnswers)
    return true
  }

  /// As recorded, whatever its `Keep-Alive` says.
  private static let mostAnswers = 7

  private func output(for request: HTTPRequestHead, fromLoopback: Bool, isLast: Bool) -> Output {
    var answer = answers.answer(to: request.path, token: request["x-zt1-auth"], fromLoopback: fromLoopback)
    let closes = isLast || request["connection"]?.lowercased() == "close"
    switch answers.fault {
    case .hangs: return .silent
    case .noHTTP: return .sending(Array("SSH-2.0-OpenSSH_9.2p1\r\n".utf8), thenCloses: true)
    case .garbage: answer.body = "\u{1}{]\u{1b}[2J not json"
    case .hugeBody:
      return .sending(head(of: answer, length: 10 << 30, closes: closes), thenCloses: false)
    case .oneBytePerSecond: return .dripping(head(of: answer, closes: closes), next: .now)
    case .normal, .refused, .status401, .status500, .anotherNetwork, .emptyList: break
    }
    return .sending(head(of: answer, closes: closes), thenCloses: closes)
  }

  /// The head as recorded, its fields in the order of their names, and the body.
  private func head(of answer: ZeroTierAnswers.Answer, length: Int? = nil, closes: Bool) -> [UInt8] {
    let reason = [200: "OK", 401: "Unauthorized", 404: "Not Found", 500: "Internal Server Error"][answer.code]
    let body = answers.octets(of: length == nil ? answer.body ?? "" : "[")
    var text = "HTTP/1.1 \(answer.code) \(reason ?? "")\r\n" + (closes ? "Connection: close\r\n" : "")
    text += "Content-Length: \(length ?? body.count)\r\n"
    if answer.body != nil { text += "Content-Type: application/json\r\n" }
    return Array((text + (closes ? "" : "Keep-Alive: timeout=5, max=5\r\n") + "\r\n").utf8) + body
  }

  /// False when the connection is to be closed.
  private func write(_ connection: inout Connection, _ now: Moment) -> Bool {
    let number = connection.descriptor.number
    switch connection.output {
    case .idle, .silent: return true
    case .endless: return sendSome([UInt8](repeating: 0x20, count: 65536), to: number) != nil
    case .dripping(let bytes, let next):
      guard now >= next, let first = bytes.first else { return !bytes.isEmpty }
      connection.output = .dripping(Array(bytes.dropFirst()), next: now + .seconds(1))
      return sendSome([first], to: number) != nil
    case .sending(let bytes, let closes):
      guard let sent = sendSome(bytes, to: number) else { return false }
      connection.output = .sending(Array(bytes.dropFirst(sent)), thenCloses: closes)
      guard sent == bytes.count else { return true }
      connection.deadline = now + .seconds(5)
      connection.output = answers.fault == .hugeBody ? .endless : .idle
      return !closes
    }
  }
}

/// Method, path and fields of a request; names of fields in lower case.
struct HTTPRequestHead {
  let path: String
  private let fields: [String: String]

  init(_ text: String) {
    let lines = text.split(separator: "\r\n")
    let words = lines.first?.split(separator: " ") ?? []
    path = words.count > 1 ? String(words[1]) : ""
    fields = Dictionary(
      lines.dropFirst().compactMap { line in
        guard let colon = line.firstIndex(of: ":") else { return nil }
        let value = line[line.index(after: colon)...].split(separator: " ").joined(separator: " ")
        return (line[..<colon].lowercased(), value)
      }, uniquingKeysWith: { first, _ in first })
  }

  subscript(name: String) -> String? { fields[name] }
}
