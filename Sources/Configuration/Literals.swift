import Model

// Addresses that stand in the source, written in octets so that none can be malformed.

extension IPAddress {
  static func ipv4(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) -> IPAddress {
    let bits = [a, b, c, d].reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
    return IPAddress(family: .ipv4, bits: bits)
  }
}

extension CIDR {
  static func ipv4(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, _ prefix: Int) -> CIDR {
    CIDR(containing: .ipv4(a, b, c, d), prefixLength: prefix)
  }
}
