import CMnl
import CNftnl
import Glibc
import Model

/// Turns a transaction into one nfnetlink batch: between BATCH_BEGIN and BATCH_END the kernel commits all or
/// nothing. Each message is built by libnftnl in a scratch buffer and appended.
struct NftablesEncoder {
  /// Intervals in one message: each takes at most 88 octets, and an attribute holds 65,535.
  private static let intervalsPerMessage = 512
  private static let family = UInt16(NFPROTO_INET)
  private static let scratchSize = 128 << 10

  private(set) var bytes: [UInt8] = []
  private let nextSequence: () -> UInt32
  private(set) var firstSequence: UInt32 = 0
  /// Of the last change: the one that asks for an acknowledgement.
  private(set) var lastSequence: UInt32 = 0
  private var setIdentifier: UInt32 = 0
  private var lastChangeOffset = 0

  init(_ transaction: NftablesTransaction, sequence: @escaping () -> UInt32) throws(KernelError) {
    nextSequence = sequence
    firstSequence = sequence()
    let first = firstSequence
    append { _ = nftnl_batch_begin($0, first) }
    for change in transaction.changes { try encode(change) }
    requestAcknowledgement()
    let end = sequence()
    append { _ = nftnl_batch_end($0, end) }
  }

  /// A batch that makes a table as exclusive as can be, and deletes it again: nothing remains either way.
  init(probing name: String, sequence: @escaping () -> UInt32) throws(KernelError) {
    nextSequence = sequence
    firstSequence = sequence()
    let first = firstSequence
    append { _ = nftnl_batch_begin($0, first) }
    guard let table = NftnlTable() else { throw Self.outOfMemory }
    nftnl_table_set_str(table.pointer, UInt16(NFTNL_TABLE_NAME.rawValue), name)
    nftnl_table_set_u32(table.pointer, UInt16(NFTNL_TABLE_FLAGS.rawValue), Self.exclusiveFlags)
    message(NFT_MSG_NEWTABLE, NLM_F_CREATE) { nftnl_table_nlmsg_build_payload($0, table.pointer) }
    nftnl_table_unset(table.pointer, UInt16(NFTNL_TABLE_FLAGS.rawValue))
    message(NFT_MSG_DELTABLE, 0) { nftnl_table_nlmsg_build_payload($0, table.pointer) }
    requestAcknowledgement()
    let end = sequence()
    append { _ = nftnl_batch_end($0, end) }
  }

  private mutating func encode(_ change: NftablesChange) throws(KernelError) {
    switch change {
    case .addTable(let comment, let ownership): try addTable(comment, ownership)
    case .deleteTable: try deleteTable()
    case .addSet(let name, let type): try addSet(name, type)
    case .addDynamicSet(let wanted):
      setIdentifier += 1
      let identifier = setIdentifier
      try set(NFT_MSG_NEWSET, named: wanted.name, flags: NLM_F_CREATE) {
        NftablesDynamicSetCodec.define(wanted, numbered: identifier, in: $0)
      }
    case .deleteSet(let name): try set(NFT_MSG_DELSET, named: name, flags: 0) { _ in }
    case .addElements(let name, let type, let ranges):
      try elements(NFT_MSG_NEWSETELEM, name, type, ranges, flags: NLM_F_CREATE)
    case .deleteElements(let name, let type, let ranges):
      try elements(NFT_MSG_DELSETELEM, name, type, ranges, flags: 0)
    case .addCounter(let name): try counter(NFT_MSG_NEWOBJ, name, flags: NLM_F_CREATE)
    case .deleteCounter(let name): try counter(NFT_MSG_DELOBJ, name, flags: 0)
    case .addChain(let name, let hook): try chain(NFT_MSG_NEWCHAIN, name, hook, flags: NLM_F_CREATE)
    case .deleteChain(let name): try chain(NFT_MSG_DELCHAIN, name, nil, flags: 0)
    case .flushChain(let name): try flushChain(name)
    case .appendRule(let chain, let rule): try appendRule(rule, to: chain)
    }
  }

  // MARK: Objects

  private mutating func addTable(_ comment: String, _ ownership: NftablesOwnership) throws(KernelError) {
    guard let table = NftnlTable(), let data = NftnlUserData() else { throw Self.outOfMemory }
    nftnl_table_set_str(table.pointer, UInt16(NFTNL_TABLE_NAME.rawValue), NftablesTable.name)
    nftnl_table_set_u32(
      table.pointer, UInt16(NFTNL_TABLE_FLAGS.rawValue), ownership == .exclusive ? Self.exclusiveFlags : 0)
    data.put(Int(NFTNL_UDATA_TABLE_COMMENT.rawValue), text: comment)
    let comment = data.bytes
    nftnl_table_set_data(table.pointer, UInt16(NFTNL_TABLE_USERDATA.rawValue), comment, UInt32(comment.count))
    message(NFT_MSG_NEWTABLE, NLM_F_CREATE) { nftnl_table_nlmsg_build_payload($0, table.pointer) }
  }

  /// `NFT_TABLE_F_OWNER` 2 and `NFT_TABLE_F_PERSIST` 4: Debian 12's header does not have the second.
  static let exclusiveFlags: UInt32 = 2 | 4

  private mutating func deleteTable() throws(KernelError) {
    guard let table = NftnlTable() else { throw Self.outOfMemory }
    nftnl_table_set_str(table.pointer, UInt16(NFTNL_TABLE_NAME.rawValue), NftablesTable.name)
    message(NFT_MSG_DELTABLE, 0) { nftnl_table_nlmsg_build_payload($0, table.pointer) }
  }

  private mutating func addSet(_ name: String, _ type: NftablesSet.KeyType) throws(KernelError) {
    setIdentifier += 1
    let identifier = setIdentifier
    guard let data = NftnlUserData() else { throw Self.outOfMemory }
    // Without this nft does not know that the keys are in network order, and prints them swapped.
    data.put(Int(NFTNL_UDATA_SET_KEYBYTEORDER.rawValue), number: 2)
    let order = data.bytes
    try set(NFT_MSG_NEWSET, named: name, flags: NLM_F_CREATE) { pointer in
      nftnl_set_set_u32(pointer, UInt16(NFTNL_SET_ID.rawValue), identifier)
      nftnl_set_set_u32(pointer, UInt16(NFTNL_SET_FLAGS.rawValue), NftablesSetCodec.intervalFlag)
      nftnl_set_set_u32(pointer, UInt16(NFTNL_SET_KEY_TYPE.rawValue), NftablesSetCodec.number(type))
      nftnl_set_set_u32(pointer, UInt16(NFTNL_SET_KEY_LEN.rawValue), UInt32(type.bytes))
      nftnl_set_set_data(pointer, UInt16(NFTNL_SET_USERDATA.rawValue), order, UInt32(order.count))
    }
  }

  private mutating func set(
    _ type: nf_tables_msg_types, named name: String, flags: Int32, _ fill: (OpaquePointer) -> Void
  ) throws(KernelError) {
    guard let set = NftnlSet() else { throw Self.outOfMemory }
    nftnl_set_set_str(set.pointer, UInt16(NFTNL_SET_TABLE.rawValue), NftablesTable.name)
    nftnl_set_set_str(set.pointer, UInt16(NFTNL_SET_NAME.rawValue), name)
    fill(set.pointer)
    message(type, flags) { nftnl_set_nlmsg_build_payload($0, set.pointer) }
  }

  private mutating func elements(
    _ message: nf_tables_msg_types, _ name: String, _ type: NftablesSet.KeyType,
    _ ranges: [ClosedRange<UInt128>], flags: Int32
  ) throws(KernelError) {
    for start in stride(from: 0, to: ranges.count, by: Self.intervalsPerMessage) {
      guard let set = NftnlSet() else { throw Self.outOfMemory }
      nftnl_set_set_str(set.pointer, UInt16(NFTNL_SET_TABLE.rawValue), NftablesTable.name)
      nftnl_set_set_str(set.pointer, UInt16(NFTNL_SET_NAME.rawValue), name)
      for range in ranges[start..<min(start + Self.intervalsPerMessage, ranges.count)] {
        try NftablesSetCodec.append(range, type, to: set)
      }
      self.message(message, flags) { nftnl_set_elems_nlmsg_build_payload($0, set.pointer) }
    }
  }

  private mutating func counter(_ type: nf_tables_msg_types, _ name: String, flags: Int32) throws(KernelError)
  {
    guard let object = NftnlObject() else { throw Self.outOfMemory }
    nftnl_obj_set_str(object.pointer, UInt16(NFTNL_OBJ_TABLE), NftablesTable.name)
    nftnl_obj_set_str(object.pointer, UInt16(NFTNL_OBJ_NAME), name)
    nftnl_obj_set_u32(object.pointer, UInt16(NFTNL_OBJ_TYPE), 1)  // NFT_OBJECT_COUNTER
    nftnl_obj_set_u64(object.pointer, UInt16(NFTNL_OBJ_CTR_PKTS), 0)
    nftnl_obj_set_u64(object.pointer, UInt16(NFTNL_OBJ_CTR_BYTES), 0)
    message(type, flags) { nftnl_obj_nlmsg_build_payload($0, object.pointer) }
  }

  private mutating func chain(
    _ type: nf_tables_msg_types, _ name: String, _ hook: NftablesChain.Hook?, flags: Int32
  ) throws(KernelError) {
    guard let chain = NftnlChain() else { throw Self.outOfMemory }
    nftnl_chain_set_str(chain.pointer, UInt16(NFTNL_CHAIN_TABLE.rawValue), NftablesTable.name)
    nftnl_chain_set_str(chain.pointer, UInt16(NFTNL_CHAIN_NAME.rawValue), name)
    if let hook {
      nftnl_chain_set_str(chain.pointer, UInt16(NFTNL_CHAIN_TYPE.rawValue), hook.type.rawValue)
      nftnl_chain_set_u32(chain.pointer, UInt16(NFTNL_CHAIN_HOOKNUM.rawValue), hook.point.rawValue)
      nftnl_chain_set_s32(chain.pointer, UInt16(NFTNL_CHAIN_PRIO.rawValue), hook.priority)
      nftnl_chain_set_u32(chain.pointer, UInt16(NFTNL_CHAIN_POLICY.rawValue), hook.policy.rawValue)
    }
    message(type, flags) { nftnl_chain_nlmsg_build_payload($0, chain.pointer) }
  }

  /// Deleting a rule without naming its handle deletes all of the chain.
  private mutating func flushChain(_ name: String) throws(KernelError) {
    guard let rule = NftnlRule() else { throw Self.outOfMemory }
    nftnl_rule_set_str(rule.pointer, UInt16(NFTNL_RULE_TABLE.rawValue), NftablesTable.name)
    nftnl_rule_set_str(rule.pointer, UInt16(NFTNL_RULE_CHAIN.rawValue), name)
    message(NFT_MSG_DELRULE, 0) { nftnl_rule_nlmsg_build_payload($0, rule.pointer) }
  }

  private mutating func appendRule(_ wanted: NftablesRule, to chain: String) throws(KernelError) {
    guard let rule = NftnlRule(), let data = NftnlUserData() else { throw Self.outOfMemory }
    nftnl_rule_set_str(rule.pointer, UInt16(NFTNL_RULE_TABLE.rawValue), NftablesTable.name)
    nftnl_rule_set_str(rule.pointer, UInt16(NFTNL_RULE_CHAIN.rawValue), chain)
    data.put(Int(NFTNL_UDATA_RULE_COMMENT.rawValue), text: wanted.comment)
    let comment = data.bytes
    nftnl_rule_set_data(rule.pointer, UInt16(NFTNL_RULE_USERDATA.rawValue), comment, UInt32(comment.count))
    for expression in wanted.expressions { try NftablesExpressionCodec.append(expression, to: rule) }
    message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND) { nftnl_rule_nlmsg_build_payload($0, rule.pointer) }
  }

  // MARK: Messages

  private static var outOfMemory: KernelError {
    KernelError("building an nftables message", .system(call: "malloc", .init(rawValue: ENOMEM)))
  }

  private mutating func message(
    _ type: nf_tables_msg_types, _ flags: Int32, _ payload: (UnsafeMutablePointer<nlmsghdr>) -> Void
  ) {
    lastSequence = nextSequence()
    let sequence = lastSequence
    lastChangeOffset = bytes.count
    append { buffer in
      guard
        let header = nftnl_nlmsg_build_hdr(
          buffer, UInt16(type.rawValue), Self.family, UInt16(truncatingIfNeeded: flags), sequence)
      else { return }
      payload(header)
    }
  }

  private mutating func append(_ build: (UnsafeMutablePointer<CChar>) -> Void) {
    withUnsafeTemporaryAllocation(byteCount: Self.scratchSize, alignment: 16) { scratch in
      guard let base = scratch.baseAddress else { return }
      build(base.assumingMemoryBound(to: CChar.self))
      let length = Int(base.loadUnaligned(as: UInt32.self))
      bytes += UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(scratch)[..<((length + 3) & ~3)])
    }
  }

  private mutating func requestAcknowledgement() {
    let flags = bytes.withUnsafeBytes {
      $0.loadUnaligned(fromByteOffset: lastChangeOffset + 6, as: UInt16.self)
    }
    withUnsafeBytes(of: flags | UInt16(NLM_F_ACK)) {
      bytes.replaceSubrange(lastChangeOffset + 6..<lastChangeOffset + 8, with: $0)
    }
  }
}
