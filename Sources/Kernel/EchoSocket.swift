import CLinux
import Glibc
import Model

/// Sends ICMP echo requests (RFC 792) from one address through one link, to any number of destinations. The
/// socket is bound to the link, so a probe can never leave by another.
public final class EchoSocket {
  public let descriptor: Int32
  let identifier: UInt16
  /// Told apart from what another process or an earlier socket may send.
  let cookie: UInt64
  /// Type 8, code 0, checksum, identifier, sequence number, and the cookie.
  private var request: [UInt8]
  private var buffer = [UInt8](repeating: 0, count: 2048)

  public struct Reply: Hashable, Sendable {
    public let source: IPAddress
    public let sequence: UInt16
    /// How long it had waited to be read, by the wall clock: anything, if that was set meanwhile.
    public let age: Duration
  }

  /// IPv4 alone, as egress is.
  public init(from source: IPAddress, through link: InterfaceName) throws(KernelError) {
    let attempt = "opening a probe socket from \(source) through \(link)"
    // SOCK_RAW is 3 in every Linux architecture but MIPS; Swift imports it as an enumeration.
    let made = socket(
      AF_INET, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), Int32(IPPROTO_ICMP))
    guard made >= 0 else { throw KernelError(attempt, .system(call: "socket", .last)) }
    descriptor = made
    identifier = UInt16.random(in: .min ... .max)
    cookie = UInt64.random(in: .min ... .max)
    request = [8, 0, 0, 0, UInt8(identifier >> 8), UInt8(identifier & 0xff), 0, 0]
    request += withUnsafeBytes(of: cookie) { Array($0) }
    do throws(KernelError) { try configure(attempt, source, link) } catch {
      close(made)
      throw error
    }
  }

  deinit { close(descriptor) }

  private func configure(_ attempt: String, _ source: IPAddress, _ link: InterfaceName) throws(KernelError) {
    let name = Array(link.text.utf8)
    guard setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, name, socklen_t(name.count)) == 0 else {
      throw KernelError(attempt, .system(call: "setsockopt SO_BINDTODEVICE", .last))
    }
    // ICMP_FILTER (linux/icmp.h): everything but echo replies, type 0, is left out.
    var filter = ~UInt32(1)
    guard setsockopt(descriptor, Self.rawLevel, 1, &filter, 4) == 0 else {
      throw KernelError(attempt, .system(call: "setsockopt ICMP_FILTER", .last))
    }
    // What waits for the hardware address of a dead exit is charged to the socket that all exits share. Without the
    // privilege (CAP_NET_ADMIN) the limit is the system's.
    var room = Self.sendBuffer
    if setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &room, 4) != 0 {
      setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &room, 4)
    }
    guard clinux_note_arrivals(descriptor) == 0 else {
      throw KernelError(attempt, .system(call: "setsockopt SO_TIMESTAMPNS", .last))
    }
    var address = Self.socketAddress(source)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard bound == 0 else { throw KernelError(attempt, .system(call: "bind", .last)) }
  }

  private static let rawLevel: Int32 = 255  // SOL_RAW

  /// Octets: 64 exits at ten requests a second for the three seconds until a neighbour counts as gone, of a kilobyte
  /// each with the kernel's own part; the kernel doubles it (socket(7)).
  private static let sendBuffer: Int32 = 2 << 20
  /// Read at a time, so that a flood does not hold up everything else; the rest is read in the next round.
  private static let mostReplies = 512

  private static func socketAddress(_ address: IPAddress) -> sockaddr_in {
    var result = sockaddr_in()
    result.sin_family = sa_family_t(AF_INET)
    result.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.bits).bigEndian
    return result
  }

  /// ping -I LINK ADDRESS
  public func send(to destination: IPAddress, sequence: UInt16) throws(KernelError) {
    put(sequence, at: 6)
    put(0, at: 2)
    put(Self.checksum(request), at: 2)
    var address = Self.socketAddress(destination)
    let sent = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(descriptor, request, request.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard sent == request.count else {
      throw KernelError("probing \(destination)", .system(call: "sendto", .last))
    }
  }

  /// Writes two octets of the next request, in network order.
  private func put(_ number: UInt16, at offset: Int) {
    request[offset] = UInt8(number >> 8)
    request[offset + 1] = UInt8(number & 0xff)
  }

  /// The replies to this socket's requests that wait, without blocking. Errors that the socket holds, such as
  /// a link that went down, are left to the next `send`.
  public func replies() -> [Reply] {
    var replies: [Reply] = []
    for _ in 0..<Self.mostReplies {
      var age: Int64 = 0
      let count = clinux_receive_with_age(descriptor, &buffer, buffer.count, &age)
      guard count >= 0 else {
        if errno == EINTR { continue }
        return replies
      }
      if let reply = parse(buffer[..<count], .nanoseconds(age)) { replies.append(reply) }
    }
    return replies
  }

  /// An IPv4 packet: its header (RFC 791), then the ICMP message.
  func parse(_ packet: ArraySlice<UInt8>, _ age: Duration) -> Reply? {
    guard packet.count >= 20, packet[0] >> 4 == 4 else { return nil }
    let message = packet.dropFirst(Int(packet[0] & 0xf) * 4)
    guard message.count >= 16, message.first == 0 else { return nil }
    let source = IPAddress(
      family: .ipv4, bits: UInt128(packet[12..<16].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }))
    let start = message.startIndex
    func number(_ offset: Int) -> UInt16 {
      UInt16(message[start + offset]) << 8 | UInt16(message[start + offset + 1])
    }
    let echoed = message[(start + 8)..<(start + 16)]
    guard number(4) == identifier, withUnsafeBytes(of: cookie, { $0.elementsEqual(echoed) }) else {
      return nil
    }
    return Reply(source: source, sequence: number(6), age: age)
  }

  /// RFC 1071. The length is even.
  private static func checksum(_ bytes: [UInt8]) -> UInt16 {
    var sum: UInt32 = 0
    for index in stride(from: 0, to: bytes.count, by: 2) {
      sum += UInt32(bytes[index]) << 8 | UInt32(bytes[index + 1])
    }
    while sum >> 16 != 0 { sum = sum & 0xffff + sum >> 16 }
    return ~UInt16(truncatingIfNeeded: sum)
  }
}
