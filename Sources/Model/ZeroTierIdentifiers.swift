/// A ZeroTier network: 64 bits, written as 16 hexadecimal digits.
public struct ZeroTierNetworkID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public init?(_ text: some StringProtocol) {
    guard let value = hexadecimal(text, digits: 16) else { return nil }
    rawValue = value
  }

  public var description: String { padded(rawValue, digits: 16) }

  /// Where ZeroTier puts the IPv6 addresses that it makes from network and node: `fd` + network + `9993`
  /// (RFC 4193) and `fc` + both halves of the network, xored (6PLANE). ZeroTier's node/InetAddress.cpp.
  public var ipv6Prefixes: [CIDR] {
    let rfc4193 = UInt128(0xfd) << 120 | UInt128(rawValue) << 56 | UInt128(0x9993) << 40
    let folded = UInt128((rawValue ^ rawValue >> 32) & 0xffff_ffff)
    let sixplane = UInt128(0xfc) << 120 | folded << 88
    return [
      CIDR(containing: IPAddress(family: .ipv6, bits: rfc4193), prefixLength: 88),
      CIDR(containing: IPAddress(family: .ipv6, bits: sixplane), prefixLength: 40),
    ]
  }
}

/// A ZeroTier node's address: 40 bits, written as 10 hexadecimal digits.
public struct ZeroTierNodeID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue & 0xff_ffff_ffff }

  public init?(_ text: some StringProtocol) {
    guard let value = hexadecimal(text, digits: 10) else { return nil }
    rawValue = value
  }

  public var description: String { padded(rawValue, digits: 10) }
}

private func hexadecimal(_ text: some StringProtocol, digits: Int) -> UInt64? {
  guard text.utf8.count == digits, text.allSatisfy(\.isHexDigit) else { return nil }
  return UInt64(text, radix: 16)
}

private func padded(_ value: UInt64, digits: Int) -> String {
  let hex = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - hex.count)) + hex
}
