import CNftnl
import Glibc
import Model

/// nftables expressions between the model and libnftnl. Attribute numbers are libnftnl's (libnftnl/expr.h),
/// their values the kernel's (linux/netfilter/nf_tables.h).
enum NftablesExpressionCodec {
  /// NFT_REG_1: the only register that the agent uses.
  private static let register: UInt32 = 1

  /// Appends the expression to the rule, which then owns it.
  static func append(_ expression: NftablesExpression, to rule: borrowing NftnlRule) throws(KernelError) {
    guard let name = expression.kernelName, let made = nftnl_expr_alloc(name) else {
      throw KernelError("making nftables expression \(expression)", .system(call: "nftnl_expr_alloc", .last))
    }
    fill(made, with: expression)
    nftnl_rule_add_expr(rule.pointer, made)
  }

  private static func fill(_ made: OpaquePointer, with expression: NftablesExpression) {
    func set(_ attribute: Int, _ number: UInt32) { nftnl_expr_set_u32(made, UInt16(attribute), number) }
    func set(_ attribute: Int, _ text: String) { nftnl_expr_set_str(made, UInt16(attribute), text) }
    func set(_ attribute: Int, _ bytes: [UInt8]) {
      nftnl_expr_set(made, UInt16(attribute), bytes, UInt32(bytes.count))
    }
    switch expression {
    case .meta(let key):
      set(NFTNL_EXPR_META_KEY, key.rawValue)
      set(NFTNL_EXPR_META_DREG, register)
    case .setMark:
      set(NFTNL_EXPR_META_KEY, 3)  // NFT_META_MARK
      set(NFTNL_EXPR_META_SREG, register)
    case .payload(let base, let offset, let length):
      set(NFTNL_EXPR_PAYLOAD_BASE, base.rawValue)
      set(NFTNL_EXPR_PAYLOAD_OFFSET, offset)
      set(NFTNL_EXPR_PAYLOAD_LEN, length)
      set(NFTNL_EXPR_PAYLOAD_DREG, register)
    case .bitwise(let mask):
      set(NFTNL_EXPR_BITWISE_SREG, register)
      set(NFTNL_EXPR_BITWISE_DREG, register)
      set(NFTNL_EXPR_BITWISE_LEN, UInt32(mask.count))
      set(NFTNL_EXPR_BITWISE_MASK, mask)
      set(NFTNL_EXPR_BITWISE_XOR, [UInt8](repeating: 0, count: mask.count))
    case .compare(let comparison, let data):
      set(NFTNL_EXPR_CMP_SREG, register)
      set(NFTNL_EXPR_CMP_OP, comparison == .equal ? 0 : 1)  // NFT_CMP_EQ, NFT_CMP_NEQ
      set(NFTNL_EXPR_CMP_DATA, data)
    case .lookup(let name, let membership):
      set(NFTNL_EXPR_LOOKUP_SREG, register)
      set(NFTNL_EXPR_LOOKUP_SET, name)
      set(NFTNL_EXPR_LOOKUP_FLAGS, membership == .inside ? 0 : 1)  // NFT_LOOKUP_F_INV
    case .connectionTrackingState:
      set(NFTNL_EXPR_CT_KEY, 0)  // NFT_CT_STATE
      set(NFTNL_EXPR_CT_DREG, register)
    case .counter(let name):
      set(NFTNL_EXPR_OBJREF_IMM_TYPE, 1)  // NFT_OBJECT_COUNTER
      set(NFTNL_EXPR_OBJREF_IMM_NAME, name)
    case .countInSet(let name): NftablesDynamicSetCodec.fill(made, counting: name, by: register)
    case .verdict(let verdict): fill(made, with: verdict)
    case .immediate(let data):
      set(NFTNL_EXPR_IMM_DREG, register)
      set(NFTNL_EXPR_IMM_DATA, data)
    case .masquerade, .unknown: break
    case .sourceNAT(let family):
      set(NFTNL_EXPR_NAT_TYPE, 0)  // NFT_NAT_SNAT
      set(NFTNL_EXPR_NAT_FAMILY, UInt32(family.rawValue))
      set(NFTNL_EXPR_NAT_REG_ADDR_MIN, register)
    case .routeMaximumSegmentSize:
      set(NFTNL_EXPR_RT_KEY, 3)  // NFT_RT_TCPMSS
      set(NFTNL_EXPR_RT_DREG, register)
    case .hostToNetwork16:
      set(NFTNL_EXPR_BYTEORDER_SREG, register)
      set(NFTNL_EXPR_BYTEORDER_DREG, register)
      set(NFTNL_EXPR_BYTEORDER_OP, 1)  // NFT_BYTEORDER_HTON
      set(NFTNL_EXPR_BYTEORDER_LEN, 2)
      set(NFTNL_EXPR_BYTEORDER_SIZE, 2)
    case .writeMaximumSegmentSize:
      set(NFTNL_EXPR_EXTHDR_SREG, register)
      nftnl_expr_set_u8(made, UInt16(NFTNL_EXPR_EXTHDR_TYPE), 2)  // TCPOPT_MAXSEG
      set(NFTNL_EXPR_EXTHDR_OFFSET, 2)
      set(NFTNL_EXPR_EXTHDR_LEN, 2)
      set(NFTNL_EXPR_EXTHDR_OP, 1)  // NFT_EXTHDR_OP_TCPOPT
    }
  }

  private static func fill(_ made: OpaquePointer, with verdict: NftablesExpression.Verdict) {
    nftnl_expr_set_u32(made, UInt16(NFTNL_EXPR_IMM_DREG), 0)  // NFT_REG_VERDICT
    let number: Int32
    switch verdict {
    case .accept: number = 1
    case .drop: number = 0
    case .jump(let chain):
      number = -3  // NFT_JUMP
      nftnl_expr_set_str(made, UInt16(NFTNL_EXPR_IMM_CHAIN), chain)
    case .other(let other): number = other
    }
    nftnl_expr_set_u32(made, UInt16(NFTNL_EXPR_IMM_VERDICT), UInt32(bitPattern: number))
  }

  /// Those of a dumped rule, in order.
  static func expressions(of rule: borrowing NftnlRule) -> [NftablesExpression] {
    guard let iterator = nftnl_expr_iter_create(rule.pointer) else { return [] }
    defer { nftnl_expr_iter_destroy(iterator) }
    var expressions: [NftablesExpression] = []
    while let expression = nftnl_expr_iter_next(iterator) { expressions.append(decode(expression)) }
    return expressions
  }

  /// What a dumped expression is; `.unknown` for all that the agent never makes.
  static func decode(_ found: OpaquePointer) -> NftablesExpression {
    let name = nftnl_expr_get_str(found, UInt16(NFTNL_EXPR_NAME)).map { String(cString: $0) } ?? "?"
    let attributes = Attributes(pointer: found)
    return attributes.expression(named: name) ?? .unknown(name + attributes.extension(named: name))
  }

  private struct Attributes {
    let pointer: OpaquePointer

    func has(_ attribute: Int) -> Bool { nftnl_expr_is_set(pointer, UInt16(attribute)) }
    func number(_ attribute: Int) -> UInt32 { nftnl_expr_get_u32(pointer, UInt16(attribute)) }
    func text(_ attribute: Int) -> String {
      nftnl_expr_get_str(pointer, UInt16(attribute)).map { String(cString: $0) } ?? ""
    }
    func bytes(_ attribute: Int) -> [UInt8] {
      var length: UInt32 = 0
      guard let data = nftnl_expr_get(pointer, UInt16(attribute), &length) else { return [] }
      return Array(UnsafeRawBufferPointer(start: data, count: Int(length)))
    }
    private func usesRegister(_ attributes: Int...) -> Bool {
      attributes.allSatisfy { number($0) == register }
    }

    /// Which of iptables' own matches or targets it is that iptables-nft brought in; empty for the others.
    func `extension`(named name: String) -> String {
      switch name {
      case "target": " " + text(NFTNL_EXPR_TG_NAME)
      case "match": " " + text(NFTNL_EXPR_MT_NAME)
      default: ""
      }
    }

    func expression(named name: String) -> NftablesExpression? {
      switch name {
      case "meta" where has(NFTNL_EXPR_META_SREG):
        return usesRegister(NFTNL_EXPR_META_SREG) && number(NFTNL_EXPR_META_KEY) == 3 ? .setMark : nil
      case "meta":
        guard usesRegister(NFTNL_EXPR_META_DREG) else { return nil }
        return NftablesExpression.MetaKey(rawValue: number(NFTNL_EXPR_META_KEY)).map { .meta($0) }
      case "payload":
        guard usesRegister(NFTNL_EXPR_PAYLOAD_DREG),
          let base = NftablesExpression.PayloadBase(rawValue: number(NFTNL_EXPR_PAYLOAD_BASE))
        else { return nil }
        return .payload(
          base, offset: number(NFTNL_EXPR_PAYLOAD_OFFSET), length: number(NFTNL_EXPR_PAYLOAD_LEN))
      case "bitwise":
        guard usesRegister(NFTNL_EXPR_BITWISE_SREG, NFTNL_EXPR_BITWISE_DREG),
          number(NFTNL_EXPR_BITWISE_OP) == 0,
          bytes(NFTNL_EXPR_BITWISE_XOR).allSatisfy({ $0 == 0 })
        else { return nil }
        return .bitwise(mask: bytes(NFTNL_EXPR_BITWISE_MASK))
      case "cmp":
        guard usesRegister(NFTNL_EXPR_CMP_SREG), number(NFTNL_EXPR_CMP_OP) <= 1 else { return nil }
        return .compare(number(NFTNL_EXPR_CMP_OP) == 0 ? .equal : .notEqual, bytes(NFTNL_EXPR_CMP_DATA))
      case "lookup":
        guard usesRegister(NFTNL_EXPR_LOOKUP_SREG), !has(NFTNL_EXPR_LOOKUP_DREG) else { return nil }
        return .lookup(
          set: text(NFTNL_EXPR_LOOKUP_SET), number(NFTNL_EXPR_LOOKUP_FLAGS) == 0 ? .inside : .outside)
      case "ct":
        guard usesRegister(NFTNL_EXPR_CT_DREG), number(NFTNL_EXPR_CT_KEY) == 0 else { return nil }
        return .connectionTrackingState
      case "objref":
        guard number(NFTNL_EXPR_OBJREF_IMM_TYPE) == 1 else { return nil }
        return .counter(text(NFTNL_EXPR_OBJREF_IMM_NAME))
      case "dynset":
        return NftablesDynamicSetCodec.countedSet(pointer, by: register).map { .countInSet($0) }
      default: return actionOrMangling(named: name)
      }
    }

    private func actionOrMangling(named name: String) -> NftablesExpression? {
      switch name {
      case "immediate":
        return number(NFTNL_EXPR_IMM_DREG) == 0 ? verdict : .immediate(bytes(NFTNL_EXPR_IMM_DATA))
      case "masq":
        return number(NFTNL_EXPR_MASQ_FLAGS) == 0 && !has(NFTNL_EXPR_MASQ_REG_PROTO_MIN) ? .masquerade : nil
      case "nat":
        guard usesRegister(NFTNL_EXPR_NAT_REG_ADDR_MIN), number(NFTNL_EXPR_NAT_TYPE) == 0,
          !has(NFTNL_EXPR_NAT_REG_PROTO_MIN)
        else { return nil }
        return AddressFamily(rawValue: UInt8(truncatingIfNeeded: number(NFTNL_EXPR_NAT_FAMILY))).map {
          .sourceNAT($0)
        }
      case "rt":
        guard usesRegister(NFTNL_EXPR_RT_DREG), number(NFTNL_EXPR_RT_KEY) == 3 else { return nil }
        return .routeMaximumSegmentSize
      case "byteorder":
        guard usesRegister(NFTNL_EXPR_BYTEORDER_SREG, NFTNL_EXPR_BYTEORDER_DREG),
          number(NFTNL_EXPR_BYTEORDER_OP) == 1, number(NFTNL_EXPR_BYTEORDER_LEN) == 2,
          number(NFTNL_EXPR_BYTEORDER_SIZE) == 2
        else { return nil }
        return .hostToNetwork16
      case "exthdr":
        guard usesRegister(NFTNL_EXPR_EXTHDR_SREG), number(NFTNL_EXPR_EXTHDR_OP) == 1,
          nftnl_expr_get_u8(pointer, UInt16(NFTNL_EXPR_EXTHDR_TYPE)) == 2,
          number(NFTNL_EXPR_EXTHDR_OFFSET) == 2,
          number(NFTNL_EXPR_EXTHDR_LEN) == 2
        else { return nil }
        return .writeMaximumSegmentSize
      default: return nil
      }
    }

    private var verdict: NftablesExpression {
      switch Int32(bitPattern: number(NFTNL_EXPR_IMM_VERDICT)) {
      case 1: .verdict(.accept)
      case 0: .verdict(.drop)
      case -3: .verdict(.jump(text(NFTNL_EXPR_IMM_CHAIN)))
      case let other: .verdict(.other(other))
      }
    }
  }
}

extension NftablesExpression {
  /// The kernel's name for the module; nil for what the agent cannot make.
  fileprivate var kernelName: String? {
    switch self {
    case .meta, .setMark: "meta"
    case .payload: "payload"
    case .bitwise: "bitwise"
    case .compare: "cmp"
    case .lookup: "lookup"
    case .connectionTrackingState: "ct"
    case .counter: "objref"
    case .countInSet: "dynset"
    case .verdict, .immediate: "immediate"
    case .masquerade: "masq"
    case .sourceNAT: "nat"
    case .routeMaximumSegmentSize: "rt"
    case .hostToNetwork16: "byteorder"
    case .writeMaximumSegmentSize: "exthdr"
    case .unknown: nil
    }
  }
}
