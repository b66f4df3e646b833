/// A network: an address without host bits, and the length of its prefix.
public struct CIDR: Hashable, Sendable {
  public let address: IPAddress
  /// 0 to 32 for IPv4, 0 to 128 for IPv6.
  public let prefixLength: Int

  /// Why a text is no network.
  public enum Invalid: Error, Hashable {
    case notAnAddress
    /// The prefix is missing, no number, or longer than the family's addresses.
    case prefixLength(maximum: Int)
    /// Bits are set behind the prefix; `network` is what was probably meant.
    case hostBits(network: CIDR)
  }

  /// Cuts the host bits off. `prefixLength` is clamped to the family's bounds.
  public init(containing address: IPAddress, prefixLength: Int) {
    let length = min(max(prefixLength, 0), address.family.addressBits)
    self.prefixLength = length
    self.address = IPAddress(
      family: address.family, bits: address.bits & CIDR.mask(address.family, length))
  }

  /// The network of this one address.
  public init(_ host: IPAddress) { self.init(containing: host, prefixLength: host.family.addressBits) }

  /// Reads `10.0.0.0/8`.
  public init(parsing text: some StringProtocol) throws(Invalid) { try self.init(written: String(text)) }

  /// For one type of text, which makes it quicker: a list may have very many networks.
  private init(written text: String) throws(Invalid) {
    let slash = text.utf8.firstIndex(of: UInt8(ascii: "/"))
    guard let address = IPAddress(text[..<(slash ?? text.endIndex)]) else { throw .notAnAddress }
    let maximum = address.family.addressBits
    guard let slash, let length = Self.length(text.utf8[slash...].dropFirst()), length <= maximum
    else { throw .prefixLength(maximum: maximum) }
    self.init(containing: address, prefixLength: length)
    guard self.address == address else { throw .hostBits(network: self) }
  }

  /// Digits alone; nil for anything else, and for what no prefix is as long as.
  private static func length(_ digits: some Collection<UInt8>) -> Int? {
    guard !digits.isEmpty, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return digits.reduce(0) { min(1000, $0 * 10 + Int($1 - 48)) }
  }

  /// `0.0.0.0/0` or `::/0`.
  public static func everything(_ family: AddressFamily) -> CIDR {
    CIDR(containing: IPAddress(family: family, bits: 0), prefixLength: 0)
  }

  /// RFC 3927.
  public static let linkLocalIPv4 = CIDR(
    containing: IPAddress(family: .ipv4, bits: 0xa9fe_0000), prefixLength: 16)

  /// `fe80::/10` (RFC 4291): the same on every link, so it says nothing of where a packet belongs.
  public static let linkLocalIPv6 = CIDR(
    containing: IPAddress(family: .ipv6, bits: 0xfe80 << 112), prefixLength: 10)

  public var family: AddressFamily { address.family }
  public var isEverything: Bool { prefixLength == 0 }
  public var isHost: Bool { prefixLength == family.addressBits }
  /// The last address of the network, its broadcast address where it has one.
  public var last: IPAddress {
    IPAddress(family: family, bits: address.bits | ~CIDR.mask(family, prefixLength))
  }

  /// The prefix's bits as octets, most significant first: 4 or 16.
  public var maskInNetworkOrder: [UInt8] {
    IPAddress(family: family, bits: CIDR.mask(family, prefixLength)).networkOrder
  }

  public func contains(_ other: IPAddress) -> Bool {
    other.family == family && other.bits & CIDR.mask(family, prefixLength) == address.bits
  }

  public func contains(_ other: CIDR) -> Bool {
    other.prefixLength >= prefixLength && contains(other.address)
  }

  public func overlaps(_ other: CIDR) -> Bool { contains(other) || other.contains(self) }

  private static func mask(_ family: AddressFamily, _ length: Int) -> UInt128 {
    guard length > 0 else { return 0 }
    let ones = ~UInt128(0) << (family.addressBits - length)
    return family == .ipv4 ? ones & 0xffff_ffff : ones
  }
}

extension CIDR: Comparable {
  public static func < (a: CIDR, b: CIDR) -> Bool {
    a.address == b.address ? a.prefixLength < b.prefixLength : a.address < b.address
  }
}

extension CIDR: CustomStringConvertible {
  public var description: String { "\(address)/\(prefixLength)" }
}

extension Sequence<CIDR> {
  /// The same networks without those that lie inside another of them, sorted.
  public func withoutContained() -> [CIDR] {
    var kept: [CIDR] = []
    for network in sorted() where kept.last?.contains(network) != true { kept.append(network) }
    return kept
  }

  /// The fewest networks that hold exactly the same addresses, sorted: none lies inside another, and no two are the
  /// halves of one.
  public func aggregated() -> [CIDR] {
    var kept: [CIDR] = []
    for network in withoutContained() {
      var last = network
      while let before = kept.last, let both = before.joined(with: last) {
        kept.removeLast()
        last = both
      }
      kept.append(last)
    }
    return kept
  }
}

extension CIDR {
  /// The network whose two halves these are; nil if they are no such halves, in this order.
  fileprivate func joined(with other: CIDR) -> CIDR? {
    guard prefixLength == other.prefixLength, prefixLength > 0, address < other.address else { return nil }
    let both = CIDR(containing: address, prefixLength: prefixLength - 1)
    return both.address == address && both.contains(other) ? both : nil
  }
}
