import Glibc

/// A socket on loopback that does with each client what a test says, one client after another, in a thread.
public final class RawServer {
  public let port: UInt16
  private let thread: Thread
  private let listener: Int32

  public init(_ serve: @escaping @Sendable (Peer) -> Void) {
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
  public static func deafPort() -> (port: UInt16, fd: Int32) {
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
