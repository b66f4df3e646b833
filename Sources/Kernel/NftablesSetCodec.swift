import CNftnl
import Glibc
import Model

/// Interval sets. The kernel holds the first value of each interval, and the first value behind it marked as an
/// end (`NFT_SET_ELEM_INTERVAL_END`); an interval that reaches the highest value has no end.
enum NftablesSetCodec {
  /// `NFT_SET_INTERVAL`
  static let intervalFlag: UInt32 = 4
  /// `NFT_SET_ELEM_INTERVAL_END`
  private static let endFlag: UInt32 = 1

  /// nft's own numbers for key types; the kernel keeps them without a meaning.
  static func number(_ type: NftablesSet.KeyType) -> UInt32 {
    switch type {
    case .address(.ipv4): 7
    case .address(.ipv6): 8
    case .port: 13
    }
  }

  static func keyType(_ number: UInt32, bytes: UInt32) -> NftablesSet.KeyType? {
    let known: [NftablesSet.KeyType] = [.address(.ipv4), .address(.ipv6), .port]
    return known.first { self.number($0) == number && $0.bytes == Int(bytes) }
  }

  static func append(
    _ range: ClosedRange<UInt128>, _ type: NftablesSet.KeyType, to set: borrowing NftnlSet
  ) throws(KernelError) {
    try append(range.lowerBound, type, isEnd: false, to: set)
    if range.upperBound < type.maximum { try append(range.upperBound + 1, type, isEnd: true, to: set) }
  }

  private static func append(
    _ value: UInt128, _ type: NftablesSet.KeyType, isEnd: Bool, to set: borrowing NftnlSet
  ) throws(KernelError) {
    guard let element = nftnl_set_elem_alloc() else {
      throw KernelError("building a set element", .system(call: "malloc", .init(rawValue: ENOMEM)))
    }
    let key = (0..<type.bytes).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    nftnl_set_elem_set(element, UInt16(NFTNL_SET_ELEM_KEY), key, UInt32(key.count))
    if isEnd { nftnl_set_elem_set_u32(element, UInt16(NFTNL_SET_ELEM_FLAGS), endFlag) }
    nftnl_set_elem_add(set.pointer, element)
  }

  /// A bound of an interval as it was dumped.
  struct Bound {
    let value: UInt128
    let isEnd: Bool
  }

  /// Bounds of the elements that one message carries; nil if one of them is no bound, as a catch-all element.
  static func bounds(in message: ReceivedMessage) throws(KernelError) -> [Bound]? {
    guard let set = NftnlSet() else {
      throw KernelError("reading a set", .system(call: "malloc", .init(rawValue: ENOMEM)))
    }
    guard let header = message.nlmsghdr, nftnl_set_elems_nlmsg_parse(header, set.pointer) >= 0,
      let iterator = nftnl_set_elems_iter_create(set.pointer)
    else { throw KernelError("reading a set", .malformed("elements")) }
    defer { nftnl_set_elems_iter_destroy(iterator) }
    var bounds: [Bound] = []
    while let element = nftnl_set_elems_iter_next(iterator) {
      var length: UInt32 = 0
      guard let key = nftnl_set_elem_get(element, UInt16(NFTNL_SET_ELEM_KEY), &length), length > 0 else {
        return nil
      }
      let value = UnsafeRawBufferPointer(start: key, count: Int(length)).reduce(UInt128(0)) {
        $0 << 8 | UInt128($1)
      }
      let flags =
        nftnl_set_elem_is_set(element, UInt16(NFTNL_SET_ELEM_FLAGS))
        ? nftnl_set_elem_get_u32(element, UInt16(NFTNL_SET_ELEM_FLAGS)) : 0
      bounds.append(Bound(value: value, isEnd: flags & endFlag != 0))
    }
    return bounds
  }

  /// Puts bounds together, in whatever order they came.
  static func ranges(_ bounds: [Bound], _ type: NftablesSet.KeyType) -> [ClosedRange<UInt128>] {
    // Where one interval ends and the next begins at the same value, the end comes first.
    let sorted = bounds.sorted { $0.value == $1.value ? $0.isEnd && !$1.isEnd : $0.value < $1.value }
    var ranges: [ClosedRange<UInt128>] = []
    var start: UInt128?
    for bound in sorted {
      if bound.isEnd {
        if let first = start, bound.value > first { ranges.append(first...(bound.value - 1)) }
        start = nil
      } else {
        start = start ?? bound.value
      }
    }
    if let start { ranges.append(start...type.maximum) }
    return ranges
  }
}
