import CLinux
import Glibc
import Model

/// Sends one datagram and sees by which links it leaves. It is for the discard port (RFC 863) of an address that nobody
/// has, and dies at the next hop: its time to live is 1.
public final class PacketWitness {
  private let watch: Int32
  private let destination: IPAddress
  /// Tells it from what others send there.
  private let cookie: [UInt8]

  /// Where a packet was on its way out, as whom.
  public struct Sighting: Hashable, Sendable {
    public let link: InterfaceIndex
    public let source: IPAddress
  }

  /// IPv4 alone, as egress is. Needs CAP_NET_RAW.
  public init(to destination: IPAddress) throws(KernelError) {
    self.destination = destination
    cookie = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
    watch = clinux_watch_datagrams(UInt32(truncatingIfNeeded: destination.bits))
    guard watch >= 0 else {
      throw KernelError("watching for packets to \(destination)", .system(call: "AF_PACKET", .last))
    }
  }

  deinit { close(watch) }

  /// Nil: the kernel took it; else why it did not.
  public func send(from source: IPAddress) throws(KernelError) -> KernelError.Errno? {
    let attempt = "sending a packet from \(source) to \(destination)"
    let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let socket = Glibc.socket(AF_INET, type, 0)
    guard socket >= 0 else { throw KernelError(attempt, .system(call: "socket", .last)) }
    defer { close(socket) }
    var hops: Int32 = 1
    guard setsockopt(socket, Int32(IPPROTO_IP), IP_TTL, &hops, 4) == 0 else {
      throw KernelError(attempt, .system(call: "setsockopt IP_TTL", .last))
    }
    // Its routes are to be tried also while the address is not there. Needs CAP_NET_ADMIN; without it, binding tells.
    var on: Int32 = 1
    setsockopt(socket, Int32(IPPROTO_IP), IP_TRANSPARENT, &on, 4)
    guard Self.with(source, port: 0, { bind(socket, $0, $1) }) == 0 else {
      throw KernelError(attempt, .system(call: "bind", .last))
    }
    let sent = Self.with(destination, port: 9) { sendto(socket, cookie, cookie.count, 0, $0, $1) }
    return sent == cookie.count ? nil : .last
  }

  /// Waits until it was seen leaving, or for so long.
  public func sightings(within limit: Duration) -> [Sighting] {
    let deadline = ContinuousClock.now + limit
    var found: [Sighting] = []
    var buffer = [UInt8](repeating: 0, count: 256)
    while found.isEmpty, ContinuousClock.now < deadline {
      var waiting = pollfd(fd: watch, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, 20) > 0 else { continue }
      var (link, isOutgoing): (Int32, Int32) = (0, 0)
      while case let count = clinux_receive_datagram(watch, &buffer, buffer.count, &link, &isOutgoing),
        count >= 0
      {
        guard isOutgoing != 0, let source = sender(of: buffer[..<count]) else { continue }
        found.append(Sighting(link: InterfaceIndex(rawValue: UInt32(bitPattern: link)), source: source))
      }
    }
    return found
  }

  /// Of our own datagram: an IPv4 header (RFC 791), a UDP header of eight octets, the cookie.
  private func sender(of packet: ArraySlice<UInt8>) -> IPAddress? {
    guard packet.count >= 20 else { return nil }
    let payload = packet.dropFirst(Int(packet[0] & 0xf) * 4 + 8)
    return payload.elementsEqual(cookie) ? IPAddress(networkOrder: packet[12..<16]) : nil
  }

  private static func with<T>(
    _ address: IPAddress, port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> T
  ) -> T {
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = port.bigEndian
    name.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.bits).bigEndian
    return withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
