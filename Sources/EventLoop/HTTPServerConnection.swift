import CLinux
import Glibc

/// One client of an `HTTPServer`, from accept to close: one request, one answer.
///
/// After the answer the connection is read until the client hangs up, because closing a socket with unread
/// input resets it and can take the answer along (RFC 9112, 9.6). The deadline bounds all of it.
final class HTTPServerConnection {
  /// Octets that a client may say after its answer. A large request's rest is of that order; more is no request.
  private static let longestRest = 256 * 1024

  private enum State {
    case reading
    case writing
    case draining
  }

  private let socket: Descriptor
  private let server: HTTPServer.Handler
  private let peer: PeerCredentials?
  private let closed: (HTTPServerConnection) -> Void
  private var state = State.reading
  private var reader: HTTPRequestReader
  private var unsent: ArraySlice<UInt8> = []
  /// Octets that were read after the answer.
  private var drained = 0
  private var input: EventSource?
  private var output: EventSource?
  private var deadline: EventSource?

  /// `closed` is called once, when the connection is of no more use and can be released.
  init(owning fd: Int32, for server: HTTPServer.Handler, closed: @escaping (HTTPServerConnection) -> Void)
    throws(EventLoopError)
  {
    socket = Descriptor(owning: fd)
    self.server = server
    self.closed = closed
    peer = server.asksForPeer ? HTTPServerConnection.credentials(of: fd) : nil
    reader = HTTPRequestReader(limits: server.limits)
    deadline = try server.loop.after(server.limits.timeout) { [unowned self] in close() }
    input = try server.loop.watch(readable: fd, .patient) { [unowned self] in readable() }
  }

  // Before the descriptor is closed: epoll must not be asked about a closed one.
  deinit { cancel() }

  /// Serves what has arrived by now, or says why not, then closes: another client needs the place.
  func makeRoom() {
    if case .reading = state { readable() }
    if case .reading = state { send(.crowded, to: nil) }
    close()
  }

  private func cancel() {
    for source in [input, output, deadline] { source?.cancel() }
  }

  private func close() {
    // Once: whoever comes second finds no deadline.
    guard deadline?.isCancelled == false else { return }
    cancel()
    closed(self)
  }

  private func readable() {
    var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    let count = recv(socket.number, &buffer, buffer.count, 0)
    guard count > 0 else {
      if count == 0 || (errno != EAGAIN && errno != EINTR) { close() }
      return
    }
    guard case .reading = state else {
      drained += count
      return drained > HTTPServerConnection.longestRest ? close() : ()
    }
    switch reader.take(buffer[..<count]) {
    case .needsMore: break
    case .refuse(let response): send(response, to: nil)
    case .request(var request):
      request.peer = peer
      send(server.answer(request), to: request.method)
    }
  }

  private func send(_ response: HTTPResponse, to method: HTTPMethod?) {
    state = .writing
    // Level-triggered: input that nobody reads would keep the loop awake.
    input?.cancel()
    unsent = response.message(withBody: method != .head)[...]
    writable()
  }

  private func writable() {
    do throws(SystemError) {
      guard try socket.send(&unsent) else { return waitForRoom() }
    } catch {
      return close()
    }
    drain()
  }

  private func waitForRoom() {
    guard output == nil else { return }
    do throws(EventLoopError) {
      output = try server.loop.watch(writable: socket.number, .patient) { [unowned self] in writable() }
    } catch {
      close()
    }
  }

  private func drain() {
    state = .draining
    output?.cancel()
    shutdown(socket.number, Int32(SHUT_WR))
    do throws(EventLoopError) {
      input = try server.loop.watch(readable: socket.number, .patient) { [unowned self] in readable() }
    } catch {
      close()
    }
  }

  private static func credentials(of fd: Int32) -> PeerCredentials? {
    var (pid, uid, gid): (pid_t, uid_t, gid_t) = (0, 0, 0)
    guard clinux_peer_credentials(fd, &pid, &uid, &gid) == 0 else { return nil }
    return PeerCredentials(pid: pid, uid: uid, gid: gid)
  }
}

extension HTTPResponse {
  /// To a client whose place another one needs, or whose answer would take more than there is to spend.
  static let crowded = HTTPResponse(status: 503, "too many clients; ask again")
}
