import Glibc

/// One request of an `HTTPClient` and its answer: connect, send, receive, under one deadline.
final class HTTPExchange {
  /// Why it did not even start.
  var failure: HTTPClientFailure?

  private var reader: HTTPResponseReader
  private var done: ((HTTPExchange, Result<HTTPAnswer, HTTPClientFailure>) -> Void)?
  private var loop: EventLoop?
  private var socket: Socket?
  private var unsent: ArraySlice<UInt8> = []
  private var isConnected = false
  private var input: EventSource?
  private var output: EventSource?
  private var deadline: EventSource?

  /// Closes its descriptor when the exchange lets go of it.
  private final class Socket {
    let descriptor: Descriptor
    var number: Int32 { descriptor.number }
    init(_ family: Int32, _ local: LocalEnd) throws(SystemError) {
      descriptor = try local.makeSocket(family)
    }
  }

  init(
    _ reader: HTTPResponseReader,
    done: @escaping (HTTPExchange, Result<HTTPAnswer, HTTPClientFailure>) -> Void
  ) {
    self.reader = reader
    self.done = done
  }

  deinit { stop() }

  /// Throws what goes wrong at once; everything later comes through `done`.
  func start(on loop: EventLoop, _ target: HTTPTarget, _ request: [UInt8], deadline: Duration)
    throws(HTTPClientFailure)
  {
    self.loop = loop
    unsent = request[...]
    do {
      self.deadline = try loop.after(deadline) { [unowned self] in finish(.failure(.timedOut)) }
      let socket = try HTTPExchange.connecting(to: target)
      self.socket = socket
      output = try loop.watch(writable: socket.number) { [unowned self] in writable() }
    } catch {
      stop()
      throw HTTPExchange.failure(error)
    }
  }

  /// Begins to connect; whether it succeeded shows when the socket takes output.
  private static func connecting(to target: HTTPTarget) throws -> Socket {
    let address = try SocketAddress(address: target.host, port: target.port)
    let socket = try Socket(address.family, target.local)
    guard address.withPointer({ connect(socket.number, $0, $1) }) == 0 || errno == EINPROGRESS else {
      throw SystemError.last
    }
    return socket
  }

  func reportFailure() { finish(.failure(failure ?? .closedEarly)) }

  private func stop() {
    for source in [input, output, deadline] { source?.cancel() }
    socket = nil
  }

  private func finish(_ result: Result<HTTPAnswer, HTTPClientFailure>) {
    guard let done else { return }
    self.done = nil
    stop()
    done(self, result)
  }

  private func writable() {
    guard let socket else { return }
    if !isConnected {
      var number: Int32 = 0
      var length = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(socket.number, SOL_SOCKET, SO_ERROR, &number, &length)
      guard number == 0 else { return finish(.failure(HTTPClientFailure(SystemError(rawValue: number)))) }
      isConnected = true
    }
    while !unsent.isEmpty {
      let count = unsent.withUnsafeBytes {
        send(socket.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count > 0 {
        unsent = unsent.dropFirst(count)
      } else if errno == EAGAIN {
        return
      } else if errno != EINTR {
        return finish(.failure(HTTPClientFailure(.last)))
      }
    }
    output?.cancel()
    listen(to: socket)
  }

  private func listen(to socket: Socket) {
    guard let loop else { return }
    do throws(EventLoopError) {
      input = try loop.watch(readable: socket.number) { [unowned self] in readable() }
    } catch {
      finish(.failure(HTTPExchange.failure(error)))
    }
  }

  private func readable() {
    guard let socket else { return }
    var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    let count = recv(socket.number, &buffer, buffer.count, 0)
    if count < 0 {
      if errno != EAGAIN && errno != EINTR { finish(.failure(HTTPClientFailure(.last))) }
      return
    }
    do throws(HTTPClientFailure) {
      if count == 0 {
        finish(.success(try reader.end()))
      } else if let answer = try reader.take(buffer[..<count]) {
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
