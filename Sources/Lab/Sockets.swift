import Glibc

/// socket(2)'s type argument. Every socket of the lab is close-on-exec from its birth.
enum SocketKind {
  case stream, datagram, raw
  enum Waiting { case blocking, nonblocking }

  func type(_ waiting: Waiting) -> Int32 {
    let kind =
      switch self {
      case .stream: SOCK_STREAM
      case .datagram: SOCK_DGRAM
      case .raw: SOCK_RAW
      }
    let nonblocking = waiting == .nonblocking ? SOCK_NONBLOCK.rawValue : 0
    return Int32(kind.rawValue | SOCK_CLOEXEC.rawValue | nonblocking)
  }
}

/// A socket's address as the kernel wants it: IPv4, IPv6 or a path.
struct SocketAddress: Hashable, Sendable {
  private let bytes: [UInt8]

  /// `host` in text, both families; nil for what is no address.
  init?(_ host: String, port: UInt16) {
    if host.contains(":") {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      guard inet_pton(AF_INET6, host, &address.sin6_addr) == 1 else { return nil }
      bytes = withUnsafeBytes(of: address) { Array($0) }
    } else {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return nil }
      bytes = withUnsafeBytes(of: address) { Array($0) }
    }
  }

  /// nil for a path that does not fit into `sun_path` (unix(7), 108 octets with its end).
  init?(path: String) {
    var address = sockaddr_un()
    guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    bytes = withUnsafeBytes(of: address) { Array($0) }
  }

  init(raw: [UInt8]) { bytes = raw }

  func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    bytes.withUnsafeBytes {
      body($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
  }

  /// Whether its first octets are those, all of them.
  func begins(with octets: UnsafeRawBufferPointer) -> Bool {
    !octets.isEmpty && bytes.count >= octets.count
      && bytes.withUnsafeBytes { memcmp($0.baseAddress!, octets.baseAddress!, octets.count) == 0 }
  }

  /// The path of a Unix socket's address; empty for the other families.
  var path: String {
    guard bytes.count > 2, bytes[0] == UInt8(AF_UNIX) else { return "" }
    return String(decoding: bytes[2...].prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The host in text, without its port; IPv4 in IPv6 as IPv4.
  var host: String {
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    _ = withPointer { getnameinfo($0, $1, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) }
    let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return host.hasPrefix("::ffff:") && host.contains(".") ? String(host.dropFirst(7)) : host
  }
}

/// An open descriptor with one owner; closed when that goes.
final class Descriptor: Sendable {
  let number: Int32
  init(_ number: Int32) { self.number = number }
  deinit { close(number) }

  static func socket(
    _ family: Int32, _ kind: SocketKind, _ waiting: SocketKind.Waiting, protocol number: Int32 = 0
  ) throws(LabError) -> Descriptor {
    let descriptor = Glibc.socket(family, kind.type(waiting), number)
    guard descriptor >= 0 else { throw LabError("opening a socket", errno: errno) }
    return Descriptor(descriptor)
  }

  func setOption(_ level: Int32, _ name: Int32, _ value: Int32 = 1) throws(LabError) {
    var value = value
    guard setsockopt(number, level, name, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
      throw LabError("setting socket option \(name) of level \(level)", errno: errno)
    }
  }

  func bind(_ address: SocketAddress, called name: String) throws(LabError) {
    guard address.withPointer({ Glibc.bind(number, $0, $1) }) == 0 else {
      throw LabError("binding to \(name)", errno: errno)
    }
  }

  /// 0, or errno; EINPROGRESS is what a nonblocking socket says first.
  func connect(_ address: SocketAddress) -> Int32 {
    address.withPointer { Glibc.connect(number, $0, $1) } == 0 ? 0 : errno
  }

  /// errno of a connection that went on in the background (`SO_ERROR`).
  var pendingError: Int32 {
    var (value, length) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
    return getsockopt(number, SOL_SOCKET, SO_ERROR, &value, &length) == 0 ? value : errno
  }

  @discardableResult func send(_ bytes: [UInt8], to address: SocketAddress) -> Int {
    address.withPointer { sendto(number, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, $1) }
  }

  /// A waiting client, or nil.
  func accept() -> (Descriptor, SocketAddress)? {
    withSender { address, length in Glibc.accept(number, address, length) }.map { client, from in
      _ = fcntl(client, F_SETFD, FD_CLOEXEC)
      _ = fcntl(client, F_SETFL, O_NONBLOCK)
      return (Descriptor(client), from)
    }
  }

  /// One waiting datagram and its sender, or nil.
  func receive(limit: Int = 65536) -> ([UInt8], SocketAddress)? {
    var buffer = [UInt8](repeating: 0, count: limit)
    let got = withSender { address, length in
      Int32(recvfrom(number, &buffer, limit, Int32(MSG_DONTWAIT), address, length))
    }
    return got.map { (Array(buffer[..<Int($0.0)]), $0.1) }
  }

  private func withSender(
    _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> (Int32, SocketAddress)? {
    var storage = [UInt8](repeating: 0, count: MemoryLayout<sockaddr_storage>.size)
    var length = socklen_t(storage.count)
    let result = storage.withUnsafeMutableBytes {
      call($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &length)
    }
    return result < 0 ? nil : (result, SocketAddress(raw: Array(storage[..<Int(length)])))
  }
}

/// How many octets the socket took; nil if it is broken.
func sendSome(_ bytes: [UInt8], to socket: Int32) -> Int? {
  let sent = send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
  return sent >= 0 ? sent : errno == EAGAIN || errno == EINTR ? 0 : nil
}

/// What a readable stream has; empty at its end or when it is broken.
func receiveSome(from socket: Int32) -> [UInt8] {
  withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { buffer in
    let got = recv(socket, buffer.baseAddress, buffer.count, 0)
    return got > 0 ? Array(buffer[..<got]) : []
  }
}
