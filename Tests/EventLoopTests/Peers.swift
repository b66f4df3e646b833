import Glibc

/// A blocking socket of a test's peer, closed with its last owner.
final class Peer: Sendable {
  let fd: Int32

  init(_ fd: Int32) {
    self.fd = fd
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  /// A client on loopback.
  convenience init(connectingTo port: UInt16) {
    self.init(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
    var address = loopback(port)
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    precondition(result == 0, "connecting to port \(port): errno \(errno)")
  }

  deinit { close(fd) }

  /// False once the other end has hung up.
  @discardableResult
  func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      if count <= 0 { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// Until the other end hangs up, or until `end` has been read.
  func receive(until end: String? = nil) -> String {
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(fd, &buffer, buffer.count, 0)
      if count <= 0 { break }
      received += buffer[..<count]
      if let end, String(decoding: received, as: UTF8.self).contains(end) { break }
    }
    return String(decoding: received, as: UTF8.self)
  }
}

private func loopback(_ port: UInt16) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  return address
}

/// A socket on loopback that does with each client what a test says, one client after another, in a thread.
final class RawServer {
  let port: UInt16
  private let thread: Thread
  private let listener: Int32

  init(_ serve: @escaping @Sendable (Peer) -> Void) {
    let listener = boundSocket()
    listen(listener, 64)
    self.listener = listener
    port = boundPort(listener)
    thread = Thread {
      while true {
        let fd = accept(listener, nil, nil)
        if fd < 0 { return }
        serve(Peer(fd))
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    thread.join()
    close(listener)
  }

  /// A port on which nobody listens, and nobody else can while the descriptor is open.
  static func deafPort() -> (port: UInt16, fd: Int32) {
    let fd = boundSocket()
    return (boundPort(fd), fd)
  }
}

private func boundSocket() -> Int32 {
  let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  var address = loopback(0)
  withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      _ = bind(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  return fd
}

private func boundPort(_ fd: Int32) -> UInt16 {
  var address = sockaddr_in()
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(fd, $0, &length) }
  }
  return UInt16(bigEndian: address.sin_port)
}

/// A thread of its own, because the tests' pool must not be blocked by what waits for a test.
final class Thread {
  private var handle = pthread_t()
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  init(_ run: @escaping @Sendable () -> Void) {
    let body = Unmanaged.passRetained(Body(run))
    pthread_create(
      &handle, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, body.toOpaque())
  }

  func join() { pthread_join(handle, nil) }
}

/// Calls back in a thread and hands over what it returns.
final class Job<Value: Sendable>: @unchecked Sendable {
  private var thread: Thread?
  private var result: Value?

  init(_ body: @escaping @Sendable () -> Value) {
    thread = Thread { [self] in result = body() }
  }

  /// Waits for the thread.
  func value() -> Value {
    thread?.join()
    guard let result else { preconditionFailure("the thread left nothing") }
    return result
  }
}
