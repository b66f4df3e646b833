/// Netlink messages on their way between an agent and the kernel (linux/netlink.h), as octets that can be changed.
public struct NetlinkDatagram: Sendable {
  /// NETLINK_ROUTE, NETLINK_NETFILTER.
  public enum Bus: Int32, Sendable {
    case route = 0
    case netfilter = 12
  }

  /// Where one message lies, and what its header says.
  struct Message: Sendable {
    let range: Range<Int>
    let type: UInt16
    let flags: UInt16
    let sequence: UInt32
  }

  let bus: Bus
  let descriptor: Int32
  var octets: [UInt8]

  var messages: [Message] {
    var (found, start) = ([Message](), 0)
    while start + 16 <= octets.count {
      let length = Int(number(at: start, UInt32.self))
      guard length >= 16, start + length <= octets.count else { break }
      found.append(
        Message(
          range: start..<start + length, type: number(at: start + 4, UInt16.self),
          flags: number(at: start + 6, UInt16.self), sequence: number(at: start + 8, UInt32.self)))
      start += (length + 3) & ~3
    }
    return found
  }

  func number<Number: FixedWidthInteger>(at offset: Int, _: Number.Type) -> Number {
    octets.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
  }

  mutating func set<Number: FixedWidthInteger>(_ value: Number, at offset: Int) {
    octets.withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: offset, as: Number.self) }
  }

  // MARK: Changing a message

  /// NLM_F_DUMP_INTR
  static let interrupted: UInt16 = 0x10
  /// NLMSG_ERROR and NLMSG_DONE
  static let error: UInt16 = 2
  static let done: UInt16 = 3

  mutating func flag(_ message: Message, _ flag: UInt16) {
    set(message.flags | flag, at: message.range.lowerBound + 6)
  }

  /// Makes it an answer to a question that nobody asked, so that it is passed over.
  mutating func lose(_ message: Message) {
    set(message.sequence ^ 0x8000_0000, at: message.range.lowerBound + 8)
  }

  /// Gives it a type that the kernel does not know in that family.
  mutating func spoil(_ message: Message) { set(message.type | 0x00fc, at: message.range.lowerBound + 4) }
}

/// What an agent asked of the kernel in one system call.
public struct KernelRequest: Hashable, Sendable {
  public enum Purpose: Sendable { case question, change }

  public let bus: NetlinkDatagram.Bus
  public let purpose: Purpose
  /// Of the first message; a batch of nftables begins with 0x10, NFNL_MSG_BATCH_BEGIN.
  public let type: UInt16
  /// What follows the first message's header, numbers that count requests set to 0: equal in a repetition.
  public let body: [UInt8]
  let descriptor: Int32

  /// nil for what is no message.
  init?(_ datagram: NetlinkDatagram) {
    guard let first = datagram.messages.first else { return nil }
    var anonymous = datagram
    for message in datagram.messages { anonymous.set(UInt32(0), at: message.range.lowerBound + 8) }
    bus = datagram.bus
    type = first.type
    purpose = Self.purpose(of: first, datagram.bus)
    body = Array(anonymous.octets.dropFirst(16))
    descriptor = datagram.descriptor
  }

  /// Dumps and other questions change nothing. rtnetlink(7) numbers each family NEW, DEL, GET, SET; nftables takes
  /// changes in batches alone, and connection tracking deletes (IPCTNL_MSG_CT_DELETE).
  private static func purpose(of message: NetlinkDatagram.Message, _ bus: NetlinkDatagram.Bus) -> Purpose {
    let dump: UInt16 = 0x300
    if message.flags & dump == dump { return .question }
    switch bus {
    case .route: return message.type & 3 == 2 ? .question : .change
    case .netfilter: return message.type == 0x10 || message.type == 0x102 ? .change : .question
    }
  }

  /// The type of the dump that shows what this changes; 0xa01 is NFT_MSG_GETTABLE's, with which all reading begins.
  public var dumpType: UInt16? {
    switch bus {
    case .route: type & ~3 | 2
    case .netfilter: type == 0x10 ? 0xa01 : nil
    }
  }

  /// Whether the agent asks by it what the kernel is able to, with a table that is never there.
  public var isTrial: Bool { String(decoding: body, as: UTF8.self).contains("liteboxd_probe") }
}
