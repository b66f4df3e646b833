import Glibc
import TestPeers

@testable import Agent
@testable import EventLoop

private let words = [
  "\r\n", "\n", "\r\n\r\n", "HTTP/1.1 ", "HTTP/1.1 100 \r\n\r\n", "Content-Length: ",
  "Transfer-Encoding: chunked\r\n",
  "Host: x\r\n", "GET ", "POST ", "0\r\n\r\n", "ffffffffffffffff", "99999999999999999999", "-1", ";x=", "\t",
  "\0",
  "/", "?", "HTTP/1.0", "Connection: close\r\n", "7fffffffffffffff\r\n",
]

let httpTargets = [
  FuzzTarget(
    name: "HTTP answers",
    corpus: {
      [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\nContent-Type: application/json\r\n\r\n{}",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
      ].map { Array($0.utf8) }
    }, words: words, check: { { input, random in try checkAnswer(input, &random) } }),
  FuzzTarget(
    name: "HTTP chunks",
    corpus: {
      ["5;a=b\r\nhello\r\n3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n", "a\n0123456789\n0\n\n"].map { Array($0.utf8) }
    }, words: words, check: { { input, random in try checkChunks(input, &random) } }),
  FuzzTarget(
    name: "HTTP requests", corpus: { requests }, words: words,
    check: { { input, random in try checkRequest(input, &random) } }),
  FuzzTarget(
    name: "control socket", corpus: { requests }, words: words + ["{\"use\": \"auto\"}", "\"keep\": true"],
    check: {
      let server = try ControlServer()
      return { input, random in try server.check(input, &random) }
    }),
]

private let requests = [
  "GET /metrics HTTP/1.1\r\nHost: localhost:9595\r\nAccept: */*\r\n\r\n",
  "GET /status?pretty=1 HTTP/1.0\r\n\r\n",
  "POST /reload HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
  "POST /exit HTTP/1.0\r\nContent-Length: 33\r\n\r\n{\"use\": \"cloud-b\", \"keep\": false}\n",
].map { Array($0.utf8) }

/// In pieces of at most what one recv(2) takes.
private func pieces(_ input: [UInt8], _ random: inout SplitMix) -> [ArraySlice<UInt8>] {
  var pieces: [ArraySlice<UInt8>] = []
  var rest = input[...]
  while !rest.isEmpty {
    // Mostly large ones: octet by octet takes time that a client cannot make the reader take at once.
    let most = rest.count < 2048 && Bool.random(using: &random) ? 32 : 16 << 10
    pieces.append(rest.prefix(Int.random(in: 1...most, using: &random)))
    rest = rest.dropFirst(pieces.last?.count ?? rest.count)
  }
  return pieces
}

/// Octets that a reader keeps, in itself and in the readers inside it.
private func held(_ reader: Any) -> Int {
  Mirror(reflecting: reader).children.reduce(0) {
    if let bytes = $1.value as? [UInt8] { return $0 + bytes.count }
    return $1.value is HTTPChunkReader ? $0 + held($1.value) : $0
  }
}

private func answer(
  of pieces: [ArraySlice<UInt8>], _ method: HTTPMethod
) throws -> HTTPAnswer? {
  let bodies = 8 << 10
  var reader = HTTPResponseReader(maximumBody: bodies, method: method)
  do throws(HTTPClientFailure) {
    for piece in pieces {
      if let answer = try reader.take(piece) { return answer }
      // Beside the body a chunk's line, which is at most 1,024 octets.
      let most = max(HTTPResponseReader.maximumHead, bodies + 1024)
      guard held(reader) <= most else { throw .other(SystemError(rawValue: EFBIG)) }
    }
    return try reader.end()
  } catch {
    try promise(error != .other(SystemError(rawValue: EFBIG)), "holds \(held(reader)) octets")
    try promise(!"\(error)".contains { $0 < " " }, "not printable: \(error)")
    return nil
  }
}

private func checkAnswer(_ input: [UInt8], _ random: inout SplitMix) throws -> FuzzTarget.Outcome {
  let method = Int.random(in: 0..<8, using: &random) == 0 ? HTTPMethod.head : .get
  let whole = try answer(of: [input[...]], method)
  let split = try answer(of: pieces(input, &random), method)
  if let whole, let split, whole != split { throw Finding("another answer when it comes in pieces") }
  guard let answer = split ?? whole else { return .refused }
  try promise((200...599).contains(answer.status) && answer.body.count <= 8 << 10, "status or body")
  return .taken
}

private func checkChunks(_ input: [UInt8], _ random: inout SplitMix) throws -> FuzzTarget.Outcome {
  let most = 8 << 10
  var reader = HTTPChunkReader(maximumBody: most)
  for piece in pieces(input, &random) {
    do throws(HTTPClientFailure) {
      guard let body = try reader.take(Array(piece)) else {
        if held(reader) > most + 1024 { break }
        continue
      }
      try? promise(body.count <= most, "a body of \(body.count) octets")
      return .taken
    } catch { return .refused }
  }
  try promise(held(reader) <= most + 1024, "holds \(held(reader)) octets")
  return .refused
}

private func checkRequest(_ input: [UInt8], _ random: inout SplitMix) throws -> FuzzTarget.Outcome {
  let limits = HTTPLimits()
  var reader = HTTPRequestReader(limits: limits)
  for piece in pieces(input, &random) {
    switch reader.take(piece) {
    case .needsMore:
      try promise(held(reader) < limits.head + limits.body, "holds \(held(reader)) octets")
    case .request(let request):
      try promise(request.path.hasPrefix("/") && request.body.count <= limits.body, "path or body")
      return .taken
    case .refuse(let response):
      try promise((400...505).contains(response.status), "status \(response.status)")
      return .refused
    }
  }
  return .refused
}

/// The daemon's server on a Unix socket, with clients that speak nonsense and hang up.
private final class ControlServer {
  private let loop: EventLoop
  private let server: HTTPServer
  private let address: SocketAddress
  private let directory = TemporaryDirectory()

  init() throws {
    let path = "\(directory.path)/control"
    loop = try EventLoop()
    address = try SocketAddress(unixPath: path)
    server = try HTTPServer(on: loop, at: .unix(path: path)) { request in
      switch (request.method, request.path) {
      case (.post, "/exit") where PinRequest(parsing: request.body) == nil:
        HTTPResponse(status: 400, "no name")
      case (.post, "/exit"), (.post, "/reload"), (.get, "/status"), (.get, "/metrics"):
        HTTPResponse(status: 200, request.path)
      default: HTTPResponse(status: 404, request.path)
      }
    }
  }

  func check(_ input: [UInt8], _ random: inout SplitMix) throws -> FuzzTarget.Outcome {
    let peer = Peer(socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
    try promise(address.withPointer { connect(peer.fd, $0, $1) } == 0, "connecting: errno \(errno)")
    // More than the socket takes at once would wait for the server, which is in this thread.
    peer.send(Array(input.prefix(96 << 10)))
    shutdown(peer.fd, Int32(SHUT_WR))
    let source = try loop.watch(readable: peer.fd) { [loop] in loop.stop() }
    try loop.run()
    source.cancel()
    let answer = peer.receive()
    try promise(answer.isEmpty || answer.hasPrefix("HTTP/1.1 "), "no HTTP: \(answer)")
    try promise(server.connectionCount <= HTTPLimits().connections, "\(server.connectionCount) connections")
    return answer.hasPrefix("HTTP/1.1 200 ") ? .taken : .refused
  }
}
