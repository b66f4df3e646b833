import Glibc

/// A socket that listens; the file of a Unix socket goes with it.
final class ListeningSocket {
  private let descriptor: Descriptor
  private let file: UnixSocketFile?

  /// As long as the kernel lets it be: a full backlog costs a TCP client a second.
  private static let backlog = SOMAXCONN

  var number: Int32 { descriptor.number }
  /// 0 for a Unix socket.
  var port: UInt16 { file == nil ? SocketAddress.boundPort(of: number) : 0 }

  init(at endpoint: HTTPEndpoint) throws(EventLoopError) {
    switch endpoint {
    case .tcp(let address, let port):
      descriptor = try ListeningSocket.tcp(address, port)
      file = nil
    case .unix(let path, let mode, let group):
      descriptor = try ListeningSocket.unix(path)
      file = try ListeningSocket.publish(descriptor, path, mode, group)
    }
  }

  /// The file first, so that nobody finds a socket that does not answer.
  deinit { file?.remove() }

  private static func tcp(_ address: String, _ port: UInt16) throws(EventLoopError) -> Descriptor {
    let target = try SocketAddress(address: address, port: port)
    do throws(SystemError) {
      let descriptor = try Descriptor(streamSocket: target.family)
      try descriptor.set(SO_REUSEADDR, level: SOL_SOCKET, to: 1)
      if target.family == AF_INET6 { try descriptor.set(IPV6_V6ONLY, level: Int32(IPPROTO_IPV6), to: 1) }
      guard target.withPointer({ bind(descriptor.number, $0, $1) }) == 0,
        listen(descriptor.number, backlog) == 0
      else { throw SystemError.last }
      return descriptor
    } catch {
      let place = address.contains(":") ? "[\(address)]" : address
      throw .system(attempt: "listening on \(place):\(port)", error)
    }
  }

  private static func unix(_ path: String) throws(EventLoopError) -> Descriptor {
    do throws(SystemError) {
      return try Descriptor(streamSocket: AF_UNIX)
    } catch {
      throw .system(attempt: "listening on \(path)", error)
    }
  }

  /// Nobody gets in before the file's mode is right: connecting is refused until listen(2).
  private static func publish(
    _ socket: borrowing Descriptor, _ path: String, _ mode: UInt32, _ group: UInt32?
  )
    throws(EventLoopError) -> UnixSocketFile
  {
    let address = try SocketAddress(unixPath: path)
    try UnixSocketFile.clearPlace(path)
    let file = try UnixSocketFile(binding: socket.number, to: address, at: path)
    do throws(EventLoopError) {
      try file.open(to: group, mode: mode)
      guard listen(socket.number, backlog) == 0 else {
        throw EventLoopError.system(attempt: "listening on \(path)", .last)
      }
    } catch {
      file.remove()
      throw error
    }
    return file
  }
}
