import Glibc

/// A connection of an `HTTPClient`, closed when nobody has it any more.
final class HTTPConnection {
  let descriptor: Descriptor
  var number: Int32 { descriptor.number }

  /// Begins to connect; whether it succeeded shows when the socket takes output.
  init(to target: HTTPTarget) throws {
    let address = try SocketAddress(address: target.host, port: target.port)
    descriptor = try target.local.makeSocket(address.family)
    guard address.withPointer({ connect(descriptor.number, $0, $1) }) == 0 || errno == EINPROGRESS else {
      throw SystemError.last
    }
  }
}

/// One request of an `HTTPClient` and its answer: connect, send, receive, under one deadline.
final class HTTPExchange {
  /// Why it did not even start.
  var failure: HTTPClientFailure?

  private var reader: HTTPResponseReader
  private var done: ((HTTPExchange, Result<HTTPAnswer, HTTPClientFailure>) -> Void)?
  private var loop: EventLoop?
  private var connection: HTTPConnection?
  /// Where to send the request again if the connection was an earlier request's and is closed meanwhile.
  private var again: (target: HTTPTarget, request: [UInt8])?
  private var unsent: ArraySlice<UInt8> = []
  private var input: EventSource?
  private var output: EventSource?
  private var deadline: EventSource?

  /// After the answer, what another request can be sent over.
  private(set) var reusable: HTTPConnection?

  init(
    _ reader: HTTPResponseReader,
    done: @escaping (HTTPExchange, Result<HTTPAnswer, HTTPClientFailure>) -> Void
  ) {
    self.reader = reader
    self.done = done
  }

  deinit { stop() }

  /// Throws what goes wrong at once; everything later comes through `done`.
  ///
  /// - Parameter kept: the connection of an earlier request. If it ends before it has answered, a new one takes its place.
  func start(
    on loop: EventLoop, _ target: HTTPTarget, _ request: [UInt8], over kept: HTTPConnection?,
    deadline: Duration
  ) throws(HTTPClientFailure) {
    self.loop = loop
    unsent = request[...]
    if kept != nil { again = (target, request) }
    do {
      self.deadline = try loop.after(deadline) { [unowned self] in finish(.failure(.timedOut)) }
      do { try send(over: kept ?? HTTPConnection(to: target), on: loop) } catch {
        guard kept != nil else { throw error }
        try sendAgain(on: loop)
      }
    } catch {
      stop()
      throw HTTPExchange.failure(error)
    }
  }

  /// The server may have closed the connection since its last answer.
  private func sendAgain(on loop: EventLoop) throws {
    guard let (target, request) = again else { return }
    again = nil
    unsent = request[...]
    for source in [input, output] { source?.cancel() }
    try send(over: HTTPConnection(to: target), on: loop)
  }

  /// Sends at once what the socket takes, which is nothing while it is not connected; why it could not connect shows then
  /// (tcp_sendmsg_locked() of net/ipv4/tcp.c).
  private func send(over connection: HTTPConnection, on loop: EventLoop) throws {
    self.connection = connection
    if try connection.descriptor.send(&unsent) { return try listen(to: connection, on: loop) }
    output = try loop.watch(writable: connection.number) { [unowned self] in writable() }
  }

  func reportFailure() { finish(.failure(failure ?? .closedEarly)) }

  private func stop() {
    for source in [input, output, deadline] { source?.cancel() }
    connection = nil
  }

  private func finish(_ result: Result<HTTPAnswer, HTTPClientFailure>) {
    if case .failure(.closedEarly) = result, again != nil, !reader.hasBegun, let loop {
      do { return try sendAgain(on: loop) } catch { return finish(.failure(HTTPExchange.failure(error))) }
    }
    guard let done else { return }
    self.done = nil
    if case .success = result, reader.leavesOpen { reusable = connection }
    stop()
    done(self, result)
  }

  private func writable() {
    guard let connection, let loop else { return }
    do {
      guard try connection.descriptor.send(&unsent) else { return }
      output?.cancel()
      try listen(to: connection, on: loop)
    } catch {
      finish(.failure(HTTPExchange.failure(error)))
    }
  }

  private func listen(to connection: HTTPConnection, on loop: EventLoop) throws(EventLoopError) {
    input = try loop.watch(readable: connection.number) { [unowned self] in readable() }
  }

  private func readable() {
    guard let connection else { return }
    var count = 0
    let received = [UInt8](unsafeUninitializedCapacity: 16 * 1024) {
      count = recv(connection.number, $0.baseAddress, $0.count, 0)
      $1 = max(0, count)
    }
    if count < 0 {
      if errno != EAGAIN && errno != EINTR { finish(.failure(HTTPClientFailure(.last))) }
      return
    }
    do throws(HTTPClientFailure) {
      if count == 0 {
        finish(.success(try reader.end()))
      } else if let answer = try reader.take(received) {
        finish(.success(answer))
      }
    } catch {
      finish(.failure(error))
    }
  }

  private static func failure(_ error: any Error) -> HTTPClientFailure {
    switch error {
    case let error as SystemError: HTTPClientFailure(error)
    case EventLoopError.system(_, let error): HTTPClientFailure(error)
    case EventLoopError.notAnAddress: .other(SystemError(rawValue: EINVAL))
    // libevent gives no number when it has no memory.
    default: .other(SystemError(rawValue: ENOMEM))
    }
  }
}
