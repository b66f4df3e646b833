import CMnl
import CNftnl
import Glibc
import Model

/// Where dumps come from.
protocol NetlinkDumping {
  var portID: UInt32 { get }
  @discardableResult func dump(
    _ attempt: @autoclosure () -> String, _ type: UInt16, _ build: (inout NetlinkMessage) -> Void,
    restart: () -> Void, visit: (ReceivedMessage) throws(KernelError) -> Void
  ) throws(KernelError) -> DumpSpan
}

/// In how many goes the kernel made a dump. What it made in one is one moment's.
enum DumpSpan { case oneGo, severalGoes }

extension NetlinkSocket: NetlinkDumping {}

/// Reads the table `inet liteboxd` in dumps, one for each kind of object.
struct NftablesReader {
  let socket: any NetlinkDumping

  /// - Parameter known: what sets hold as long as the table is ours alone.
  func observe(knowing known: KnownElements = .init()) throws(KernelError) -> ObservedNftables {
    guard var table = try table() else { return .absent }
    table.chains = try chains()
    try rules(into: &table)
    table.sets = try sets(knowing: table.ownership == .ours ? known : .init())
    try objects(into: &table)
    table.foreignObjects += try flowtables()
    return .present(table)
  }

  /// Packets and octets of each named counter. Empty without the table.
  func counters() throws(KernelError) -> [String: (packets: UInt64, bytes: UInt64)] {
    var table = ObservedNftablesTable(ownership: .none, comment: "")
    try objects(into: &table)
    return table.counters
  }

  private func table() throws(KernelError) -> ObservedNftablesTable? {
    var found: ObservedNftablesTable?
    let port = socket.portID
    try dump(
      NFT_MSG_GETTABLE, restart: { found = nil },
      visit: { (message) throws(KernelError) in
        guard let attributes = message.attributes(after: 4),
          NetlinkAttributes.find(Int(NFTA_TABLE_NAME.rawValue), in: attributes)?.text == NftablesTable.name
        else { return }
        let flags = Self.bigEndian32(Int(NFTA_TABLE_FLAGS.rawValue), attributes) ?? 0
        let owner = Self.bigEndian32(Self.tableOwner, attributes)
        let comment = NetlinkAttributes.find(Self.tableUserData, in: attributes).flatMap {
          NftnlUserData.text(Int(NFTNL_UDATA_TABLE_COMMENT.rawValue), in: $0.payload)
        }
        found = ObservedNftablesTable(
          ownership: Self.ownership(flags: flags, owner: owner, port: port), comment: comment ?? "")
        if flags & Self.dormant != 0 { found?.foreignObjects.append("flag dormant") }
      })
    return found
  }

  /// `NFTA_TABLE_USERDATA`, `NFTA_TABLE_OWNER`: newer than some of the headers that the agent is built with.
  private static let tableUserData = 6
  private static let tableOwner = 7

  /// `NFT_TABLE_F_DORMANT`: the table is there and none of it counts.
  private static let dormant: UInt32 = 1

  private static func ownership(flags: UInt32, owner: UInt32?, port: UInt32)
    -> ObservedNftablesTable.Ownership
  {
    if let owner, owner != 0 { return owner == port ? .ours : .another(port: owner) }
    return flags & NftablesEncoder.exclusiveFlags != 0 ? .orphan : .none
  }

  private func chains() throws(KernelError) -> [ObservedChain] {
    var chains: [ObservedChain] = []
    try dump(
      NFT_MSG_GETCHAIN, restart: { chains.removeAll() },
      visit: { (message) throws(KernelError) in
        guard let chain = NftnlChain(), let header = message.nlmsghdr,
          nftnl_chain_nlmsg_parse(header, chain.pointer) >= 0
        else { throw KernelError("reading an nftables chain", .malformed("chain")) }
        guard
          Self.text(nftnl_chain_get_str(chain.pointer, UInt16(NFTNL_CHAIN_TABLE.rawValue)))
            == NftablesTable.name
        else { return }
        let name = Self.text(nftnl_chain_get_str(chain.pointer, UInt16(NFTNL_CHAIN_NAME.rawValue)))
        chains.append(ObservedChain(name, hook: Self.hook(chain)))
      })
    return chains
  }

  private static func hook(_ chain: borrowing NftnlChain) -> NftablesChain.Hook? {
    guard nftnl_chain_is_set(chain.pointer, UInt16(NFTNL_CHAIN_HOOKNUM.rawValue)),
      let point = NftablesChain.HookPoint(
        rawValue: nftnl_chain_get_u32(chain.pointer, UInt16(NFTNL_CHAIN_HOOKNUM.rawValue))),
      let type = NftablesChain.ChainType(
        rawValue: text(nftnl_chain_get_str(chain.pointer, UInt16(NFTNL_CHAIN_TYPE.rawValue)))),
      let policy = NftablesChain.Policy(
        rawValue: nftnl_chain_get_u32(chain.pointer, UInt16(NFTNL_CHAIN_POLICY.rawValue)))
    else { return nil }
    let priority = nftnl_chain_get_s32(chain.pointer, UInt16(NFTNL_CHAIN_PRIO.rawValue))
    return NftablesChain.Hook(type, at: point, priority: priority, policy: policy)
  }

  private func rules(into table: inout ObservedNftablesTable) throws(KernelError) {
    var rules: [String: [ObservedNftablesRule]] = [:]
    try dump(
      NFT_MSG_GETRULE, named: Int(NFTA_RULE_TABLE.rawValue), restart: { rules.removeAll() },
      visit: { (message) throws(KernelError) in
        guard let rule = NftnlRule(), let header = message.nlmsghdr,
          nftnl_rule_nlmsg_parse(header, rule.pointer) >= 0
        else { throw KernelError("reading an nftables rule", .malformed("rule")) }
        guard
          Self.text(nftnl_rule_get_str(rule.pointer, UInt16(NFTNL_RULE_TABLE.rawValue))) == NftablesTable.name
        else { return }
        let chain = Self.text(nftnl_rule_get_str(rule.pointer, UInt16(NFTNL_RULE_CHAIN.rawValue)))
        rules[chain, default: []].append(Self.rule(rule))
      })
    for index in table.chains.indices { table.chains[index].rules = rules[table.chains[index].name] ?? [] }
  }

  private static func rule(_ rule: borrowing NftnlRule) -> ObservedNftablesRule {
    var length: UInt32 = 0
    let data = nftnl_rule_get_data(rule.pointer, UInt16(NFTNL_RULE_USERDATA.rawValue), &length)
    let comment = data.flatMap {
      NftnlUserData.text(
        Int(NFTNL_UDATA_RULE_COMMENT.rawValue), in: UnsafeRawBufferPointer(start: $0, count: Int(length)))
    }
    return ObservedNftablesRule(
      handle: nftnl_rule_get_u64(rule.pointer, UInt16(NFTNL_RULE_HANDLE.rawValue)),
      expressions: NftablesExpressionCodec.expressions(of: rule),
      comment: comment ?? "")
  }

  private func sets(knowing known: KnownElements) throws(KernelError) -> [String: ObservedSet] {
    var types: [String: NftablesSet.KeyType?] = [:]
    var dynamic: [String: ObservedSet] = [:]
    try dump(
      NFT_MSG_GETSET, named: Int(NFTA_SET_TABLE.rawValue),
      restart: {
        types.removeAll()
        dynamic.removeAll()
      },
      visit: { (message) throws(KernelError) in
        guard let set = NftnlSet(), let header = message.nlmsghdr,
          nftnl_set_nlmsg_parse(header, set.pointer) >= 0
        else { throw KernelError("reading an nftables set", .malformed("set")) }
        guard
          Self.text(nftnl_set_get_str(set.pointer, UInt16(NFTNL_SET_TABLE.rawValue))) == NftablesTable.name
        else { return }
        let name = Self.text(nftnl_set_get_str(set.pointer, UInt16(NFTNL_SET_NAME.rawValue)))
        if let found = NftablesDynamicSetCodec.definition(set, named: name) {
          dynamic[name] = ObservedSet(found)
          return
        }
        let type = NftablesSetCodec.keyType(
          nftnl_set_get_u32(set.pointer, UInt16(NFTNL_SET_KEY_TYPE.rawValue)),
          bytes: nftnl_set_get_u32(set.pointer, UInt16(NFTNL_SET_KEY_LEN.rawValue)))
        let flags = nftnl_set_get_u32(set.pointer, UInt16(NFTNL_SET_FLAGS.rawValue))
        types[name] = .some(flags == NftablesSetCodec.intervalFlag ? type : nil)
      })
    var sets = dynamic
    for (name, type) in types {
      guard let type else {
        sets[name] = ObservedSet(nil)
        continue
      }
      if let known = known.elements(of: name, type) {
        sets[name] = ObservedSet(known)
      } else {
        sets[name] = ObservedSet(try elements(of: name, type).map { NftablesSet(name, type, ranges: $0) })
      }
    }
    return sets
  }

  /// nil when it holds an element that is no interval of its type.
  private func elements(of name: String, _ type: NftablesSet.KeyType) throws(KernelError)
    -> [ClosedRange<UInt128>]?
  {
    var bounds: [NftablesSetCodec.Bound] = []
    var isPlain = true
    try dump(
      NFT_MSG_GETSETELEM,
      filter: {
        $0.put(Int(NFTA_SET_ELEM_LIST_TABLE.rawValue), text: NftablesTable.name)
        $0.put(Int(NFTA_SET_ELEM_LIST_SET.rawValue), text: name)
      },
      restart: {
        bounds.removeAll()
        isPlain = true
      },
      visit: { (message) throws(KernelError) in
        if let found = try NftablesSetCodec.bounds(in: message) { bounds += found } else { isPlain = false }
      })
    // A key that is wider than the set's type makes no range of it.
    guard isPlain, bounds.allSatisfy({ $0.value <= type.maximum }) else { return nil }
    return NftablesSetCodec.ranges(bounds, type)
  }

  private func objects(into table: inout ObservedNftablesTable) throws(KernelError) {
    var counters: [String: (packets: UInt64, bytes: UInt64)] = [:]
    var others: [String] = []
    try dump(
      NFT_MSG_GETOBJ, named: Int(NFTA_OBJ_TABLE.rawValue),
      restart: {
        counters.removeAll()
        others.removeAll()
      },
      visit: { (message) throws(KernelError) in
        guard let object = NftnlObject(), let header = message.nlmsghdr,
          nftnl_obj_nlmsg_parse(header, object.pointer) >= 0
        else { throw KernelError("reading an nftables object", .malformed("object")) }
        guard Self.text(nftnl_obj_get_str(object.pointer, UInt16(NFTNL_OBJ_TABLE))) == NftablesTable.name
        else { return }
        let name = Self.text(nftnl_obj_get_str(object.pointer, UInt16(NFTNL_OBJ_NAME)))
        guard nftnl_obj_get_u32(object.pointer, UInt16(NFTNL_OBJ_TYPE)) == 1 else {
          others.append("object \(name)")
          return
        }
        counters[name] = (
          nftnl_obj_get_u64(object.pointer, UInt16(NFTNL_OBJ_CTR_PKTS)),
          nftnl_obj_get_u64(object.pointer, UInt16(NFTNL_OBJ_CTR_BYTES))
        )
      })
    table.counters = counters
    table.foreignObjects += others
  }

  /// Flow tables let packets pass our chains by; the agent makes none. A kernel without them has none.
  private func flowtables() throws(KernelError) -> [String] {
    var found: [String] = []
    do throws(KernelError) {
      try dump(
        NFT_MSG_GETFLOWTABLE, named: Int(NFTA_FLOWTABLE_TABLE.rawValue), restart: { found.removeAll() },
        visit: { (message) throws(KernelError) in
          guard let attributes = message.attributes(after: 4),
            NetlinkAttributes.find(Int(NFTA_FLOWTABLE_TABLE.rawValue), in: attributes)?.text
              == NftablesTable.name
          else { return }
          found.append(
            "flowtable \(NetlinkAttributes.find(Int(NFTA_FLOWTABLE_NAME.rawValue), in: attributes)?.text ?? "?")"
          )
        })
    } catch  where error.errno == EOPNOTSUPP || error.errno == EINVAL {}
    return found
  }

  // MARK: Messages

  /// Objects of our table alone, where the kernel can filter; `visit` checks the name all the same.
  private func dump(
    _ type: nf_tables_msg_types, named attribute: Int, restart: () -> Void,
    visit: (ReceivedMessage) throws(KernelError) -> Void
  ) throws(KernelError) {
    try dump(type, filter: { $0.put(attribute, text: NftablesTable.name) }, restart: restart, visit: visit)
  }

  private func dump(
    _ type: nf_tables_msg_types, restart: () -> Void, visit: (ReceivedMessage) throws(KernelError) -> Void
  ) throws(KernelError) {
    try dump(type, filter: { _ in }, restart: restart, visit: visit)
  }

  func dump(
    _ type: nf_tables_msg_types, filter: (inout NetlinkMessage) -> Void, restart: () -> Void,
    visit: (ReceivedMessage) throws(KernelError) -> Void
  ) throws(KernelError) {
    try socket.dump(
      "reading nftables table inet \(NftablesTable.name)",
      UInt16(NFNL_SUBSYS_NFTABLES << 8 | Int32(type.rawValue)),
      { message in
        // struct nfgenmsg: family, version, resource.
        message.put(raw: [UInt8(NFPROTO_INET), UInt8(NFNETLINK_V0), 0, 0])
        filter(&message)
      }, restart: restart, visit: visit)
  }

  private static func bigEndian32(_ type: Int, _ bytes: UnsafeRawBufferPointer) -> UInt32? {
    NetlinkAttributes.find(type, in: bytes)?.number(UInt32.self).map(UInt32.init(bigEndian:))
  }

  private static func text(_ pointer: UnsafePointer<CChar>?) -> String {
    pointer.map { String(cString: $0) } ?? ""
  }
}

extension ReceivedMessage {
  /// For libnftnl's parsers.
  var nlmsghdr: UnsafePointer<CMnl.nlmsghdr>? {
    header.baseAddress?.assumingMemoryBound(to: CMnl.nlmsghdr.self)
  }
}
