import CEvent
import Glibc

/// An HTTP/1.1 server for a few local clients: one request a connection, `Connection: close` always.
///
/// libevent's evhttp is not used, because it knows neither a bound on connections nor a deadline that a client
/// cannot push off with one octet at a time. A client costs at most `HTTPLimits`; when all places are taken,
/// the newest client gets the oldest one's, so idle connections keep nobody out.
public final class HTTPServer {
  /// What each connection needs of its server.
  struct Handler {
    let loop: EventLoop
    let limits: HTTPLimits
    let asksForPeer: Bool
    let answer: (HTTPRequest) -> HTTPResponse
  }

  /// How long no connection is accepted after accept(2) failed, as for want of descriptors.
  static let pauseAfterFailure = Duration.milliseconds(100)

  private let handler: Handler
  private let socket: ListeningSocket
  private var listener: OpaquePointer?
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
    handler = Handler(loop: loop, limits: limits, asksForPeer: isUnix, answer: answer)
    socket = try ListeningSocket(at: endpoint)
    let context = Unmanaged.passUnretained(self).toOpaque()
    listener = evconnlistener_new(
      loop.base,
      { _, fd, _, _, context in
        guard let context else { return }
        Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue().accepted(fd)
      }, context, LEV_OPT_CLOSE_ON_EXEC, 0, socket.number)
    guard let listener else { throw .libevent(attempt: "listening on \(endpoint)") }
    evconnlistener_set_error_cb(listener) { _, context in
      guard let context else { return }
      Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue().acceptFailed()
    }
    resume = try loop.onTrigger { [unowned self] in resumeAccepting() }
  }

  deinit { close() }

  /// Takes no more clients and drops those that are there. The Unix socket's file goes with the server.
  public func close() {
    if let listener { evconnlistener_free(listener) }
    listener = nil
    resume?.cancel()
    connections = []
  }

  private func accepted(_ fd: Int32) {
    while connections.count >= max(handler.limits.connections, 1) { connections[0].makeRoom() }
    // Serving the one that made room may have closed the server.
    guard listener != nil else {
      Glibc.close(fd)
      return
    }
    do throws(EventLoopError) {
      connections.append(
        try HTTPServerConnection(owning: fd, for: handler) { [weak self] connection in
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
    guard let listener else { return }
    do throws(EventLoopError) {
      try resume?.rearm(after: HTTPServer.pauseAfterFailure)
      evconnlistener_disable(listener)
    } catch {
      // Without the timer nobody would resume: better to go on accepting.
      return
    }
  }

  private func resumeAccepting() {
    if let listener { evconnlistener_enable(listener) }
  }
}
