/// Reads netlink attributes (linux/netlink.h, `struct nlattr`) within their bounds: length and type in host
/// order, four-octet alignment. A broken attribute ends the sequence and sets `isMalformed`.
struct NetlinkAttributes: Sequence, IteratorProtocol {
  struct Attribute {
    /// Without the flags for nesting and byte order.
    let type: UInt16
    let payload: UnsafeRawBufferPointer
  }

  private var rest: Slice<UnsafeRawBufferPointer>
  private(set) var isMalformed = false

  init(_ bytes: UnsafeRawBufferPointer) { rest = bytes[...] }

  mutating func next() -> Attribute? {
    guard rest.count >= 4 else { return nil }
    let bytes = UnsafeRawBufferPointer(rebasing: rest)
    let length = Int(bytes.loadUnaligned(as: UInt16.self))
    guard length >= 4, length <= bytes.count else {
      isMalformed = true
      return nil
    }
    rest = rest.dropFirst(Swift.min((length + 3) & ~3, bytes.count))
    let type = bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self) & 0x3fff
    return Attribute(type: type, payload: UnsafeRawBufferPointer(rebasing: bytes[4..<length]))
  }

  /// The first attribute of that type.
  static func find(_ type: Int, in bytes: UnsafeRawBufferPointer) -> Attribute? {
    NetlinkAttributes(bytes).first { $0.type == UInt16(type) }
  }
}

extension NetlinkAttributes.Attribute {
  /// nil when the payload is shorter.
  func number<T: FixedWidthInteger>(_: T.Type) -> T? {
    payload.count >= MemoryLayout<T>.size ? payload.loadUnaligned(as: T.self) : nil
  }

  /// Up to the first zero.
  var text: String { String(decoding: payload.prefix { $0 != 0 }, as: UTF8.self) }
}
