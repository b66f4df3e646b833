import CMnl
import Glibc

/// A netlink message under construction (linux/netlink.h): a header, a family's own header, attributes. All
/// numbers in host order unless the attribute says otherwise; attributes are aligned to four octets.
struct NetlinkMessage {
  /// Octets of `struct nlmsghdr`.
  static let headerSize = 16

  private(set) var bytes: [UInt8]

  init(type: UInt16, flags: Int32, sequence: UInt32) {
    bytes = []
    bytes.reserveCapacity(256)
    append(UInt32(16))
    append(type)
    append(UInt16(truncatingIfNeeded: flags))
    append(sequence)
    append(UInt32(0))  // The kernel fills the sender's port in.
  }

  /// A family's header, or a whole payload as it was dumped.
  mutating func put(raw payload: [UInt8]) {
    bytes += payload
    finish()
  }

  mutating func put<T: FixedWidthInteger>(_ type: Int, _ number: T) {
    put(type, withUnsafeBytes(of: number) { Array($0) })
  }

  mutating func put(_ type: Int, text: String) { put(type, Array(text.utf8) + [0]) }

  mutating func put(_ type: Int, _ payload: [UInt8]) {
    append(UInt16(4 + payload.count))
    append(UInt16(type))
    bytes += payload
    finish()
  }

  /// An attribute made of attributes.
  mutating func nest(_ type: Int, _ content: (inout NetlinkMessage) -> Void) {
    let start = bytes.count
    append(UInt16(0))
    append(UInt16(type))
    content(&self)
    set(UInt16(bytes.count - start), at: start)
  }

  private mutating func finish() {
    while bytes.count % 4 != 0 { bytes.append(0) }
    set(UInt32(bytes.count), at: 0)
  }

  private mutating func append<T: FixedWidthInteger>(_ number: T) {
    withUnsafeBytes(of: number) { bytes += $0 }
  }

  private mutating func set<T: FixedWidthInteger>(_ number: T, at offset: Int) {
    withUnsafeBytes(of: number) { bytes.replaceSubrange(offset..<offset + $0.count, with: $0) }
  }
}

/// A message as the kernel sent it. Valid only while it is shown.
struct ReceivedMessage {
  let type: UInt16
  let flags: UInt16
  let sequence: UInt32
  /// Of the socket that caused it; 0 for the kernel's own doing.
  let portID: UInt32
  let header: UnsafeRawBufferPointer
  let payload: UnsafeRawBufferPointer

  /// `NLM_F_DUMP_INTR`
  var isInterrupted: Bool { flags & 0x10 != 0 }

  /// Splits what was received into messages; a broken length ends it.
  static func forEach(in bytes: UnsafeRawBufferPointer, _ visit: (ReceivedMessage) -> Void) {
    var rest = bytes[...]
    while rest.count >= 16 {
      let here = UnsafeRawBufferPointer(rebasing: rest)
      let length = Int(here.loadUnaligned(as: UInt32.self))
      guard length >= 16, length <= here.count else { return }
      visit(
        ReceivedMessage(
          type: here.loadUnaligned(fromByteOffset: 4, as: UInt16.self),
          flags: here.loadUnaligned(fromByteOffset: 6, as: UInt16.self),
          sequence: here.loadUnaligned(fromByteOffset: 8, as: UInt32.self),
          portID: here.loadUnaligned(fromByteOffset: 12, as: UInt32.self),
          header: UnsafeRawBufferPointer(rebasing: here[..<16]),
          payload: UnsafeRawBufferPointer(rebasing: here[16..<length])))
      rest = rest.dropFirst(min((length + 3) & ~3, here.count))
    }
  }

  /// The payload behind the family's header of that many octets; nil when it is too short for one.
  func attributes(after headerSize: Int) -> UnsafeRawBufferPointer? {
    payload.count >= headerSize ? UnsafeRawBufferPointer(rebasing: payload[headerSize...]) : nil
  }

  /// `NLM_F_CAPPED`, `NLM_F_ACK_TLVS` (linux/netlink.h)
  private static let isCapped: UInt16 = 0x100
  private static let hasAttributes: UInt16 = 0x200

  /// Of NLMSG_ERROR and NLMSG_DONE: 0 or a negative errno.
  var errorNumber: Int32? {
    // What has no positive counterpart is no errno either.
    payload.count >= 4 ? max(payload.loadUnaligned(as: Int32.self), -.max) : nil
  }

  /// The kernel's own words on a refusal (`NLMSGERR_ATTR_MSG`), behind the capped copy of the request's header.
  var errorText: String? {
    guard type == UInt16(NLMSG_ERROR), flags & Self.hasAttributes != 0 else { return nil }
    // Only the header of the request is repeated, or all of it.
    guard payload.count >= 20 else { return nil }
    let repeated =
      flags & Self.isCapped != 0 ? 16 : Int(payload.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
    guard let attributes = attributes(after: 4 + (repeated + 3) & ~3) else { return nil }
    return NetlinkAttributes.find(1, in: attributes)?.text
  }
}
