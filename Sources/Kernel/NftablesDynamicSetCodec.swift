import CNftnl
import Glibc
import Model

/// Dynamic sets: their definition, the expression that fills them, and their elements. Attribute numbers are
/// libnftnl's (libnftnl/set.h, libnftnl/expr.h), their values the kernel's (linux/netfilter/nf_tables.h).
enum NftablesDynamicSetCodec {
  /// `NFT_SET_TIMEOUT` and `NFT_SET_EVAL`, nft's `timeout` and `dynamic`.
  private static let flags: UInt32 = 0x10 | 0x20
  private static let key = NftablesSet.KeyType.address(.ipv4)
  /// `NFT_DYNSET_OP_UPDATE`
  private static let update: UInt32 = 1
  /// `NFT_DYNSET_F_INV`
  private static let inverted: UInt32 = 1

  // MARK: Definitions

  static func define(_ set: NftablesDynamicSet, numbered identifier: UInt32, in pointer: OpaquePointer) {
    func put(_ attribute: nftnl_set_attr, _ number: UInt32) {
      nftnl_set_set_u32(pointer, UInt16(attribute.rawValue), number)
    }
    put(NFTNL_SET_ID, identifier)
    put(NFTNL_SET_FLAGS, flags)
    put(NFTNL_SET_KEY_TYPE, NftablesSetCodec.number(key))
    put(NFTNL_SET_KEY_LEN, UInt32(key.bytes))
    put(NFTNL_SET_DESC_SIZE, set.size)
    nftnl_set_set_u64(pointer, UInt16(NFTNL_SET_TIMEOUT.rawValue), set.timeoutMilliseconds)
  }

  /// nil for any other kind of set.
  static func definition(_ set: borrowing NftnlSet, named name: String) -> NftablesDynamicSet? {
    let pointer = set.pointer
    func number(_ attribute: nftnl_set_attr) -> UInt32 {
      nftnl_set_get_u32(pointer, UInt16(attribute.rawValue))
    }
    guard number(NFTNL_SET_FLAGS) == flags,
      NftablesSetCodec.keyType(number(NFTNL_SET_KEY_TYPE), bytes: number(NFTNL_SET_KEY_LEN)) == key,
      // A set may make every element keep what the rule did not ask for.
      !nftnl_set_is_set(pointer, UInt16(NFTNL_SET_EXPR.rawValue)),
      !nftnl_set_is_set(pointer, UInt16(NFTNL_SET_EXPRESSIONS.rawValue))
    else { return nil }
    let timeout = nftnl_set_get_u64(pointer, UInt16(NFTNL_SET_TIMEOUT.rawValue))
    return NftablesDynamicSet(name, size: number(NFTNL_SET_DESC_SIZE), timeoutMilliseconds: timeout)
  }

  // MARK: The expression

  /// Makes a `dynset` that updates the register's element and its counter.
  static func fill(_ made: OpaquePointer, counting set: String, by register: UInt32) {
    nftnl_expr_set_u32(made, UInt16(NFTNL_EXPR_DYNSET_SREG_KEY), register)
    nftnl_expr_set_u32(made, UInt16(NFTNL_EXPR_DYNSET_OP), update)
    nftnl_expr_set_str(made, UInt16(NFTNL_EXPR_DYNSET_SET_NAME), set)
    // The expression belongs to the one that it is set in.
    if let counter = nftnl_expr_alloc("counter") {
      nftnl_expr_set(made, UInt16(NFTNL_EXPR_DYNSET_EXPR), UnsafeRawPointer(counter), 0)
    }
  }

  /// The set that a dumped `dynset` fills; nil for one that the agent never makes.
  static func countedSet(_ found: OpaquePointer, by register: UInt32) -> String? {
    func has(_ attribute: Int) -> Bool { nftnl_expr_is_set(found, UInt16(attribute)) }
    func number(_ attribute: Int) -> UInt32 { nftnl_expr_get_u32(found, UInt16(attribute)) }
    guard number(NFTNL_EXPR_DYNSET_SREG_KEY) == register, number(NFTNL_EXPR_DYNSET_OP) == update,
      !has(NFTNL_EXPR_DYNSET_SREG_DATA), number(NFTNL_EXPR_DYNSET_FLAGS) & inverted == 0,
      nftnl_expr_get_u64(found, UInt16(NFTNL_EXPR_DYNSET_TIMEOUT)) == 0,
      has(NFTNL_EXPR_DYNSET_EXPR), isLoneCounter(in: found),
      let name = nftnl_expr_get_str(found, UInt16(NFTNL_EXPR_DYNSET_SET_NAME))
    else { return nil }
    return String(cString: name)
  }

  private static func isLoneCounter(in dynset: OpaquePointer) -> Bool {
    var names: [String] = []
    withUnsafeMutablePointer(to: &names) { names in
      _ = nftnl_expr_expr_foreach(
        dynset,
        { expression, context in
          guard let expression, let context else { return 0 }
          let name = nftnl_expr_get_str(expression, UInt16(NFTNL_EXPR_NAME)).map { String(cString: $0) }
          context.assumingMemoryBound(to: [String].self).pointee.append(name ?? "?")
          return 0
        }, names)
    }
    return names == ["counter"]
  }

  // MARK: Elements

  /// The elements that one message carries. What has no address or no counter was put there by hand, and is left
  /// out.
  static func elements(
    in message: ReceivedMessage, of wanted: NftablesDynamicSet
  ) throws(KernelError) -> [NftablesDynamicSet.Element] {
    guard let set = NftnlSet() else {
      throw KernelError("reading a set", .system(call: "malloc", .init(rawValue: ENOMEM)))
    }
    guard let header = message.nlmsghdr, nftnl_set_elems_nlmsg_parse(header, set.pointer) >= 0,
      let iterator = nftnl_set_elems_iter_create(set.pointer)
    else { throw KernelError("reading set \(wanted.name)", .malformed("elements")) }
    defer { nftnl_set_elems_iter_destroy(iterator) }
    var elements: [NftablesDynamicSet.Element] = []
    while let found = nftnl_set_elems_iter_next(iterator) {
      if let element = element(found, wanted) { elements.append(element) }
    }
    return elements
  }

  private static func element(_ found: OpaquePointer, _ set: NftablesDynamicSet)
    -> NftablesDynamicSet.Element?
  {
    var length: UInt32 = 0
    guard let key = nftnl_set_elem_get(found, UInt16(NFTNL_SET_ELEM_KEY), &length),
      let address = IPAddress(networkOrder: UnsafeRawBufferPointer(start: key, count: Int(length))),
      nftnl_set_elem_is_set(found, UInt16(NFTNL_SET_ELEM_EXPR)),
      let counter = nftnl_set_elem_get(found, UInt16(NFTNL_SET_ELEM_EXPR), &length).map({ OpaquePointer($0) }
      ),
      let name = nftnl_expr_get_str(counter, UInt16(NFTNL_EXPR_NAME)), String(cString: name) == "counter"
    else { return nil }
    let remaining = nftnl_set_elem_get_u64(found, UInt16(NFTNL_SET_ELEM_EXPIRATION))
    let idle = set.timeoutMilliseconds - min(remaining, set.timeoutMilliseconds)
    return .init(
      address: address, packets: nftnl_expr_get_u64(counter, UInt16(NFTNL_EXPR_CTR_PACKETS)),
      bytes: nftnl_expr_get_u64(counter, UInt16(NFTNL_EXPR_CTR_BYTES)), idle: .milliseconds(idle))
  }
}

extension NftablesReader {
  /// Empty without the table or the set.
  func elements(of set: NftablesDynamicSet) throws(KernelError) -> [NftablesDynamicSet.Element] {
    var elements: [NftablesDynamicSet.Element] = []
    do {
      try dump(
        NFT_MSG_GETSETELEM,
        filter: {
          $0.put(Int(NFTA_SET_ELEM_LIST_TABLE.rawValue), text: NftablesTable.name)
          $0.put(Int(NFTA_SET_ELEM_LIST_SET.rawValue), text: set.name)
        },
        restart: { elements.removeAll() },
        visit: { (message) throws(KernelError) in
          elements += try NftablesDynamicSetCodec.elements(in: message, of: set)
        })
    } catch  where error.errno == ENOENT {
      return []
    }
    return elements
  }
}
