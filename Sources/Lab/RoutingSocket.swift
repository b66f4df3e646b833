import Glibc

/// A message of rtnetlink(7) without its header: what a dump shows, what an event announces, and, sent back under
/// another type, what a command asks for.
struct RoutingMessage: Hashable, Sendable {
  var type: UInt16
  var payload: [UInt8]

  /// The same object under another type.
  func sent(as type: UInt16) -> RoutingMessage { RoutingMessage(type: type, payload: payload) }

  /// Where the value of an attribute lies that follows a fixed header of `size` octets; nil without it.
  func range(ofAttribute number: UInt16, after size: Int) -> Range<Int>? {
    var start = size
    while start + 4 <= payload.count {
      let length = Int(payload[start]) | Int(payload[start + 1]) << 8
      guard length >= 4, start + length <= payload.count else { return nil }
      if UInt16(payload[start + 2]) | UInt16(payload[start + 3]) << 8 == number {
        return start + 4..<start + length
      }
      start += (length + 3) & ~3
    }
    return nil
  }
}

/// Octets in the machine's order, as netlink wants numbers.
func octets<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
  withUnsafeBytes(of: number) { Array($0) }
}

/// Speaks to the kernel's routing as ip(8) does, from inside this process: no program start disturbs what is
/// measured. In the network namespace of the thread that makes it; blocking.
final class RoutingSocket {
  /// Flags of linux/netlink.h.
  struct Flags: OptionSet {
    let rawValue: UInt16
    static let replace = Flags(rawValue: 0x100)
    static let exclusive = Flags(rawValue: 0x200)
    static let create = Flags(rawValue: 0x400)
    fileprivate static let request = Flags(rawValue: 0x1)
    fileprivate static let acknowledge = Flags(rawValue: 0x4)
    fileprivate static let dump = Flags(rawValue: 0x300)
  }

  private let socket: Descriptor
  private var buffer = [UInt8](repeating: 0, count: 256 << 10)
  /// Messages that said that their dump was interrupted.
  private(set) var interrupted = 0

  /// - Parameter groups: bits of multicast groups; none for requests.
  init(groups: UInt32 = 0) throws(LabError) {
    socket = try Descriptor.netlink(family: 0, groups: groups, .blocking)
  }

  /// All objects of a kind.
  func dump(_ type: UInt16, header: [UInt8]) throws(LabError) -> [RoutingMessage] {
    try send(RoutingMessage(type: type, payload: header), .dump)
    var found: [RoutingMessage] = []
    while true {
      for message in try receive() {
        switch message.type {
        case Self.done: return found
        case Self.error: throw refusal(message)
        default: found.append(message)
        }
      }
    }
  }

  /// Asks for changes, all in one system call: the kernel has made them when this returns.
  func request(_ messages: [RoutingMessage], _ flags: Flags = []) throws(LabError) {
    guard !messages.isEmpty else { return }
    var bytes: [UInt8] = []
    for message in messages { append(message, flags.union(.acknowledge), to: &bytes) }
    try send(bytes)
  }

  /// The same for what nobody waits for: the kernel answers refusals alone.
  func post(_ messages: [RoutingMessage], _ flags: Flags = []) throws(LabError) {
    var bytes: [UInt8] = []
    for message in messages { append(message, flags, to: &bytes) }
    try send(bytes)
  }

  /// Reads the answers to the last `count` changes.
  func acknowledge(_ count: Int) throws(LabError) {
    var open = count
    while open > 0 {
      for message in try receive() where message.type == Self.error {
        open -= 1
        if message.payload.prefix(4).contains(where: { $0 != 0 }) { throw refusal(message) }
      }
    }
  }

  /// The next datagram's messages; waits for it.
  func receive() throws(LabError) -> [RoutingMessage] {
    while true {
      let got = recv(socket.number, &buffer, buffer.count, 0)
      if got >= 0 { return messages(in: buffer[..<got]) }
      guard errno == EINTR else { throw LabError("waiting for the kernel's word", errno: errno) }
    }
  }

  /// Reads on until nothing has come for that long.
  func settle(_ quiet: Duration) throws(LabError) {
    while true {
      var waiting = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, (Moment.now + quiet).pollTimeout) > 0 else { return }
      _ = try receive()
    }
  }

  /// For poll(2).
  var descriptor: Int32 { socket.number }

  // NLMSG_ERROR and NLMSG_DONE
  private static let error: UInt16 = 2
  private static let done: UInt16 = 3

  private func refusal(_ message: RoutingMessage) -> LabError {
    let number = message.payload.prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    return LabError("asking the kernel", errno: -Int32(bitPattern: number))
  }

  private func send(_ message: RoutingMessage, _ flags: Flags) throws(LabError) {
    var bytes: [UInt8] = []
    append(message, flags, to: &bytes)
    try send(bytes)
  }

  private func send(_ bytes: [UInt8]) throws(LabError) {
    guard Glibc.send(socket.number, bytes, bytes.count, 0) == bytes.count else {
      throw LabError("asking the kernel", errno: errno)
    }
  }

  /// struct nlmsghdr: length, type, flags, number, port.
  private func append(_ message: RoutingMessage, _ flags: Flags, to bytes: inout [UInt8]) {
    bytes += octets(UInt32(16 + message.payload.count)) + octets(message.type)
    bytes += octets(flags.union(.request).rawValue) + [UInt8](repeating: 0, count: 8) + message.payload
    bytes += [UInt8](repeating: 0, count: -bytes.count & 3)
  }

  private func messages(in bytes: ArraySlice<UInt8>) -> [RoutingMessage] {
    var (found, rest) = ([RoutingMessage](), bytes)
    while rest.count >= 16 {
      let head = Array(rest.prefix(8))
      let length = head[..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
      guard length >= 16, length <= rest.count else { break }
      // NLM_F_DUMP_INTR
      if head[6] & 0x10 != 0 { interrupted += 1 }
      let type = UInt16(head[4]) | UInt16(head[5]) << 8
      found.append(RoutingMessage(type: type, payload: Array(rest.prefix(length).dropFirst(16))))
      rest = rest.dropFirst((length + 3) & ~3)
    }
    return found
  }
}
