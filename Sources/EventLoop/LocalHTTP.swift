import Glibc

/// Why the daemon's socket gave no answer that can be used.
public enum LocalHTTPError: Error, Hashable, Sendable {
  /// No such file, or nobody listens on it: no daemon runs.
  case noDaemon(socket: String, SystemError)
  case permissionDenied(socket: String)
  case timedOut(socket: String)
  /// Longer than `LocalHTTP.maximumBody`.
  case tooLarge(socket: String)
  case malformed(socket: String, String)
  case system(attempt: String, SystemError)
}

extension LocalHTTPError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noDaemon(let path, let error): "asking the daemon at \(path): \(error); start it or name its socket"
    case .permissionDenied(let path):
      "asking the daemon at \(path): permission denied (EACCES); run as root or join the socket's group"
    case .timedOut(let path): "asking the daemon at \(path): no whole answer in time"
    case .tooLarge(let path): "asking the daemon at \(path): the answer is too large"
    case .malformed(let path, let what): "asking the daemon at \(path): no HTTP answer: \(what)"
    case .system(let attempt, let error): "\(attempt): \(error)"
    }
  }
}

/// A blocking HTTP client on a Unix socket, for commands that ask the daemon one thing and print it.
public enum LocalHTTP {
  /// Octets.
  public static let maximumBody = 16 * 1024 * 1024

  /// `path` may have a query and must be sendable as it is; `timeout` is for the whole exchange.
  public static func request(
    socketPath: String, method: HTTPMethod, path: String, body: [UInt8] = [], timeout: Duration
  ) throws(LocalHTTPError) -> HTTPAnswer {
    let end = MonotonicTime.now + timeout
    guard path.hasPrefix("/"), path.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw .system(
        attempt: "asking the daemon at \(socketPath) for \"\(path)\"", SystemError(rawValue: EINVAL))
    }
    let head = "\(method.text) \(path) HTTP/1.0\r\nContent-Length: \(body.count)\r\n\r\n"
    do {
      let socket = try connected(to: socketPath, until: end)
      try send(Array(head.utf8) + body, on: socket.number, until: end)
      return try receive(
        HTTPResponseReader(maximumBody: maximumBody, method: method), on: socket.number, until: end)
    } catch let error as SystemError {
      throw LocalHTTPError(error, socketPath)
    } catch HTTPClientFailure.malformed(let what) {
      throw .malformed(socket: socketPath, what)
    } catch HTTPClientFailure.tooLarge {
      throw .tooLarge(socket: socketPath)
    } catch EventLoopError.socketPathTooLong {
      throw LocalHTTPError(SystemError(rawValue: ENAMETOOLONG), socketPath)
    } catch {
      throw .malformed(socket: socketPath, "\(error)")
    }
  }

  /// connect(2) on a Unix socket waits for a place in the backlog, as long as SO_SNDTIMEO allows.
  private static func connected(to path: String, until end: MonotonicTime) throws -> Descriptor {
    let address = try SocketAddress(unixPath: path)
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    let socket = Descriptor(owning: Glibc.socket(AF_UNIX, type, 0))
    guard socket.number >= 0 else { throw SystemError.last }
    try limit(SO_SNDTIMEO, on: socket.number, until: end)
    guard address.withPointer({ connect(socket.number, $0, $1) }) == 0 else { throw SystemError.last }
    return socket
  }

  private static func send(_ bytes: [UInt8], on fd: Int32, until end: MonotonicTime) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      try limit(SO_SNDTIMEO, on: fd, until: end)
      let count = rest.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno == EPIPE {
        // It may have answered before it hung up.
        return
      } else if errno != EINTR {
        throw SystemError.last
      }
    }
  }

  private static func receive(_ reader: HTTPResponseReader, on fd: Int32, until end: MonotonicTime) throws
    -> HTTPAnswer
  {
    var reader = reader
    var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
      try limit(SO_RCVTIMEO, on: fd, until: end)
      let count = recv(fd, &buffer, buffer.count, 0)
      if count > 0 {
        if let answer = try reader.take(buffer[..<count]) { return answer }
      } else if count == 0 {
        return try reader.end()
      } else if errno != EINTR {
        throw SystemError.last
      }
    }
  }

  /// What is left of the time, as the socket's own limit; zero would mean for ever (socket(7)).
  private static func limit(_ option: Int32, on fd: Int32, until end: MonotonicTime) throws {
    let left = end - .now
    guard left > .zero else { throw SystemError(rawValue: EAGAIN) }
    var time = left.timeval
    guard setsockopt(fd, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size)) == 0 else {
      throw SystemError.last
    }
  }
}

extension LocalHTTPError {
  fileprivate init(_ error: SystemError, _ path: String) {
    switch error.name {
    case "ENOENT", "ECONNREFUSED", "ENOTDIR": self = .noDaemon(socket: path, error)
    case "EACCES", "EPERM": self = .permissionDenied(socket: path)
    case "EAGAIN", "ETIMEDOUT": self = .timedOut(socket: path)
    default: self = .system(attempt: "asking the daemon at \(path)", error)
    }
  }
}
