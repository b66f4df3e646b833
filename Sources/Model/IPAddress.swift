import Glibc

/// The two families that the kernel routes. Raw values are the kernel's (`AF_INET`, `AF_INET6`, sys/socket.h).
public enum AddressFamily: UInt8, Hashable, Sendable, CaseIterable {
  case ipv4 = 2
  case ipv6 = 10

  /// Bits in an address: 32 or 128.
  public var addressBits: Int { self == .ipv4 ? 32 : 128 }
  /// Octets in an address: 4 or 16.
  public var addressBytes: Int { addressBits / 8 }
}

/// An IPv4 or IPv6 address, without a zone.
public struct IPAddress: Hashable, Sendable {
  public let family: AddressFamily
  /// The address as a number, in the low 32 bits for IPv4.
  public let bits: UInt128

  public init(family: AddressFamily, bits: UInt128) {
    self.family = family
    self.bits = family == .ipv4 ? bits & 0xffff_ffff : bits
  }

  /// Reads dotted-quad or RFC 4291 notation as inet_pton(3) does; nil for anything else.
  public init?(_ text: some StringProtocol) {
    let text = String(text)
    let family: AddressFamily = text.utf8.contains(UInt8(ascii: ":")) ? .ipv6 : .ipv4
    var bytes: (UInt64, UInt64) = (0, 0)
    guard !text.utf8.contains(0), inet_pton(Int32(family.rawValue), text, &bytes) == 1 else { return nil }
    self = withUnsafeBytes(of: &bytes) { IPAddress(family, networkOrder: $0) }
  }

  /// Of that family's size, or more.
  private init(_ family: AddressFamily, networkOrder bytes: UnsafeRawBufferPointer) {
    let high = UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))
    let all = UInt128(bigEndian: bytes.loadUnaligned(as: UInt128.self))
    self.init(family: family, bits: family == .ipv4 ? UInt128(high) : all)
  }

  /// Reads 4 or 16 octets in network order; nil for any other count.
  public init?(networkOrder bytes: some Collection<UInt8>) {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    family = bytes.count == 4 ? .ipv4 : .ipv6
    // Of two words: numbers of 128 bits take several times as long to shift.
    let words = bytes.reduce((high: UInt64(0), low: UInt64(0))) { word, byte in
      (word.high << 8 | word.low >> 56, word.low << 8 | UInt64(byte))
    }
    bits = UInt128(words.high) << 64 | UInt128(words.low)
  }

  /// The address's octets, most significant first: 4 or 16.
  public var networkOrder: [UInt8] {
    (0..<family.addressBytes).reversed().map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) }
  }
}

extension IPAddress: Comparable {
  public static func < (a: IPAddress, b: IPAddress) -> Bool {
    (a.family.rawValue, a.bits) < (b.family.rawValue, b.bits)
  }
}

extension IPAddress: CustomStringConvertible {
  public var description: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    _ = inet_ntop(Int32(family.rawValue), networkOrder, &text, socklen_t(text.count))
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
