import Glibc

/// What bind(2) and connect(2) take.
struct SocketAddress {
  private var storage = sockaddr_storage()
  let length: socklen_t

  var family: Int32 { Int32(storage.ss_family) }

  /// Reads an IPv4 or IPv6 address in numbers; no name is ever looked up.
  init(address: String, port: UInt16) throws(EventLoopError) {
    var v4 = sockaddr_in()
    var v6 = sockaddr_in6()
    guard !address.utf8.contains(0) else { throw .notAnAddress(address) }
    if inet_pton(AF_INET, address, &v4.sin_addr) == 1 {
      v4.sin_family = sa_family_t(AF_INET)
      v4.sin_port = port.bigEndian
      length = socklen_t(MemoryLayout<sockaddr_in>.size)
      SocketAddress.copy(v4, to: &storage)
    } else if inet_pton(AF_INET6, address, &v6.sin6_addr) == 1 {
      v6.sin6_family = sa_family_t(AF_INET6)
      v6.sin6_port = port.bigEndian
      length = socklen_t(MemoryLayout<sockaddr_in6>.size)
      SocketAddress.copy(v6, to: &storage)
    } else {
      throw .notAnAddress(address)
    }
  }

  /// A file system path, with room for the zero behind it.
  init(unixPath path: String) throws(EventLoopError) {
    var unix = sockaddr_un()
    let maximum = MemoryLayout.size(ofValue: unix.sun_path) - 1
    guard (1...maximum).contains(path.utf8.count), !path.utf8.contains(0) else {
      throw .socketPathTooLong(path, maximum: maximum)
    }
    unix.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &unix.sun_path) { $0.copyBytes(from: path.utf8) }
    length = socklen_t(MemoryLayout<sockaddr_un>.size)
    SocketAddress.copy(unix, to: &storage)
  }

  func withPointer<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    withUnsafePointer(to: storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }

  /// The port that a socket is bound to; 0 if it has none.
  static func boundPort(of fd: Int32) -> UInt16 {
    var address = sockaddr_in6()
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(fd, $0, &length) }
    }
    // sin_port and sin6_port stand at the same place (netinet/in.h).
    return result == 0 ? UInt16(bigEndian: address.sin6_port) : 0
  }

  private static func copy<T>(_ address: T, to storage: inout sockaddr_storage) {
    withUnsafeMutableBytes(of: &storage) { target in
      withUnsafeBytes(of: address) { target.copyMemory(from: $0) }
    }
  }
}
