import CLinux
import Glibc

/// An HTTP/1.1 server for a few local clients: one request a connection, `Connection: close` always.
///
/// libevent's evhttp is not used, because it knows neither a bound on connections nor a deadline that a client
/// cannot push off with one octet at a time; nor is its listener, which takes all clients that wait before the loop
/// goes on. Here one is taken each time that the loop has nothing of its own to do. A client costs at most
/// `HTTPLimits`; when all places are taken, the newest client gets the oldest one's, so idle connections keep nobody
/// out. Who asks for more than `AnswerBudget` allows is told 503.
public final class HTTPServer {
  /// What each connection needs of its server.
  final class Handler {
    let loop: EventLoop
    let limits: HTTPLimits
    let asksForPeer: Bool
    private let body: (HTTPRequest) -> HTTPResponse
    private var budget: AnswerBudget

    init(
      loop: EventLoop, limits: HTTPLimits, asksForPeer: Bool, body: @escaping (HTTPRequest) -> HTTPResponse
    ) {
      self.loop = loop
      self.limits = limits
      self.asksForPeer = asksForPeer
      self.body = body
      budget = AnswerBudget(now: loop.now)
    }

    func answer(_ request: HTTPRequest) -> HTTPResponse {
      guard budget.allows(at: loop.now) else { return .crowded }
      let start = AnswerBudget.processorTime
      defer { budget.spend(AnswerBudget.processorTime - start) }
      return body(request)
    }
  }

  /// How long no connection is accepted after accept(2) failed, as for want of descriptors.
  static let pauseAfterFailure = Duration.milliseconds(100)

  private let handler: Handler
  private let socket: ListeningSocket
  private var listener: EventSource?
  private var resume: EventSource?
  /// Oldest first.
  private var connections: [HTTPServerConnection] = []

  /// The port that is listened on; 0 on a Unix socket.
  public var port: UInt16 { socket.port }
  /// Open at this moment.
  public var connectionCount: Int { connections.count }
  /// accept(2) failures since the start, each followed by a pause.
  public private(set) var acceptFailures = 0

  /// Listens from now on. `answer` is called in the loop for each request within the limits.
  public init(
    on loop: EventLoop, at endpoint: HTTPEndpoint, limits: HTTPLimits = HTTPLimits(),
    answer: @escaping (HTTPRequest) -> HTTPResponse
  ) throws(EventLoopError) {
    let isUnix = if case .unix = endpoint { true } else { false }
    handler = Handler(loop: loop, limits: limits, asksForPeer: isUnix, body: answer)
    socket = try ListeningSocket(at: endpoint)
    resume = try loop.onTrigger { [unowned self] in listen() }
    listener = try listening()
  }

  deinit { close() }

  /// Takes no more clients and drops those that are there. The Unix socket's file goes with the server.
  public func close() {
    listener?.cancel()
    resume?.cancel()
    connections = []
  }

  private func listening() throws(EventLoopError) -> EventSource {
    try handler.loop.watch(readable: socket.number, .patient) { [unowned self] in accept() }
  }

  /// One client; the others come in the loop's next rounds.
  private func accept() {
    let client = clinux_accept(socket.number)
    guard client >= 0 else {
      // Whoever waited has gone again (accept(2)).
      return [EAGAIN, EINTR, ECONNABORTED].contains(errno) ? () : acceptFailed()
    }
    while connections.count >= max(handler.limits.connections, 1) { connections[0].makeRoom() }
    // Serving the one that made room may have closed the server.
    guard listener?.isCancelled == false else {
      Glibc.close(client)
      return
    }
    do throws(EventLoopError) {
      connections.append(
        try HTTPServerConnection(owning: client, for: handler) { [weak self] connection in
          self?.connections.removeAll { $0 === connection }
        })
    } catch {
      // The descriptor went with the connection.
      acceptFailed()
    }
  }

  /// Waiting clients stay in the backlog; asking again at once would spin.
  private func acceptFailed() {
    acceptFailures += 1
    do throws(EventLoopError) {
      try resume?.rearm(after: HTTPServer.pauseAfterFailure)
      listener?.cancel()
    } catch {
      // Without the timer nobody would resume: better to go on accepting.
      return
    }
  }

  private func listen() {
    do throws(EventLoopError) { listener = try listening() } catch { acceptFailed() }
  }
}
