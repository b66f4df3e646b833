import CPackets
import Glibc

/// Small UDP packets as a link carries them, one for each flow, that are sent in turn.
struct PacketRing: Sendable {
  /// An IPv4 flow's addresses and ports.
  struct Flow: Sendable {
    var source: UInt32
    var sourcePort: UInt16
    var destination: UInt32
    var destinationPort: UInt16
  }

  /// Octets of a frame, the least that Ethernet allows without its check sum.
  private static let length = 60
  private static let stride = 64

  private let bytes: [UInt8]
  private let count: Int

  /// - Parameter hardware: six octets, the address of the link at the other end.
  init(_ flows: [Flow], to hardware: [UInt8]) {
    bytes = flows.flatMap { PacketRing.frame($0, to: hardware) + [0, 0, 0, 0] }
    count = flows.count
  }

  /// Ethernet, IPv4 (RFC 791) and UDP (RFC 768) without a check sum, which IPv4 allows.
  private static func frame(_ flow: Flow, to hardware: [UInt8]) -> [UInt8] {
    let total = UInt16(length - 14)
    var header: [UInt8] = [0x45, 0] + network(total) + [0, 0, 0, 0, 64, 17, 0, 0]
    header += network(flow.source) + network(flow.destination)
    header.replaceSubrange(10..<12, with: network(checkSum(header)))
    let udp = network(flow.sourcePort) + network(flow.destinationPort) + network(total - 20) + [0, 0]
    let frame = hardware + [2, 0, 0, 0, 0, 1, 8, 0] + header + udp
    return frame + [UInt8](repeating: 0, count: length - frame.count)
  }

  private static func network<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    octets(number.bigEndian)
  }

  /// RFC 1071
  private static func checkSum(_ header: [UInt8]) -> UInt16 {
    var sum = Swift.stride(from: 0, to: header.count, by: 2).reduce(UInt32(0)) {
      $0 + UInt32(header[$1]) << 8 + UInt32(header[$1 + 1])
    }
    while sum >> 16 != 0 { sum = sum & 0xffff + sum >> 16 }
    return ~UInt16(sum)
  }

  /// Sends without a pause, on one processor that nothing else gets meanwhile. A veth link hands a packet on before
  /// the call returns: what the machines behind it do with it takes the sender's time.
  ///
  /// - Returns: how many went, and the time that they took.
  func send(into device: String, of namespace: NetworkNamespace, for time: Duration) throws -> (
    packets: Int, took: Duration
  ) {
    try namespace.inside {
      let socket = try PacketRing.socket(on: device)
      // The last one: interrupts mostly come to the first.
      guard cpackets_stay_on(Int32(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))) - 1) == 0 else {
        throw LabError("keeping a thread on one processor", errno: errno)
      }
      preferThisThread()
      var sent = 0
      let start = Moment.now
      while Moment.now - start < time {
        let went = cpackets_send(
          socket.number, bytes, count, PacketRing.stride, PacketRing.length, sent % count)
        guard went > 0 else { throw LabError("sending packets into \(device)", errno: errno) }
        sent += Int(went)
      }
      return (sent, Moment.now - start)
    }
  }

  /// packet(7), past the queueing discipline.
  private static func socket(on device: String) throws(LabError) -> Descriptor {
    let socket = try Descriptor.socket(AF_PACKET, .raw, .blocking)
    // SOL_PACKET, PACKET_QDISC_BYPASS
    try socket.setOption(263, 20)
    // struct sockaddr_ll: family, protocol, index, and 12 octets that sending does not need.
    let address = octets(UInt16(AF_PACKET)) + network(UInt16(0x0800))
    try socket.bind(
      SocketAddress(
        raw: address + octets(if_nametoindex(device)) + [UInt8](repeating: 0, count: 12)),
      called: device)
    return socket
  }
}

extension NetworkNamespace {
  /// Six octets.
  func hardwareAddress(of device: String) throws -> [UInt8] {
    let words = try ip("-br link show dev \(device)").split(whereSeparator: \.isWhitespace)
    let octets = words.count > 2 ? words[2].split(separator: ":").compactMap { UInt8($0, radix: 16) } : []
    guard octets.count == 6 else { throw LabError("looking for the hardware address of \(device)", "none") }
    return octets
  }

  /// Packets that came in by that link so far.
  func received(by device: String) throws -> Int {
    try inside {
      let lines = try readFile("/proc/thread-self/net/dev").split(separator: "\n")
      let line = lines.first { $0.drop { $0 == " " }.hasPrefix("\(device):") }
      // proc(5): octets first, then packets.
      let words = line?.split(separator: ":").last?.split(separator: " ") ?? []
      guard words.count > 1, let packets = Int(words[1]) else {
        throw LabError("counting the packets of \(device)", "no such link")
      }
      return packets
    }
  }
}
