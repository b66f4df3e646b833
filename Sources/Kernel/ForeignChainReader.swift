import CMnl
import CNftnl
import Glibc
import Model

/// Finds what others' nftables tables do with forwarded IPv4 packets. iptables-legacy is not seen here.
struct ForeignChainReader {
  let socket: NetlinkSocket

  /// nft list chains, and nft list table of those that have one with hook forward.
  func forwardChains() throws(KernelError) -> [ForeignForwardChain] {
    var found: [ForeignForwardChain] = []
    for base in try baseChains().prefix(Self.mostChains) {
      let rules = try rules(of: base)
      let end = rules.lazy.filter { $0.chain == base.name }.compactMap(\.end).first
      found.append(
        ForeignForwardChain(
          family: base.family, table: base.table, name: base.name,
          ending: end ?? (base.drops ? .dropPolicy : .accept), links: Set(rules.flatMap(\.links))))
    }
    return found
  }

  /// More base chains with one hook than any firewall has.
  private static let mostChains = 64

  private struct BaseChain {
    let family: ForeignForwardChain.Family
    let table: String
    let name: String
    let drops: Bool
  }

  private struct Rule {
    let chain: String
    /// What it does with every packet; nil: it has conditions, or lets it go on.
    let end: ForeignForwardChain.Ending?
    let links: [String]
  }

  private func baseChains() throws(KernelError) -> [BaseChain] {
    var chains: [BaseChain] = []
    try dump(
      NFT_MSG_GETCHAIN, UInt8(NFPROTO_UNSPEC), { _ in }, restart: { chains.removeAll() },
      visit: { (message) throws(KernelError) in
        guard let chain = NftnlChain(), let header = message.nlmsghdr,
          nftnl_chain_nlmsg_parse(header, chain.pointer) >= 0
        else { throw KernelError("reading an nftables chain", .malformed("chain")) }
        func number(_ attribute: nftnl_chain_attr) -> UInt32 {
          nftnl_chain_get_u32(chain.pointer, UInt16(attribute.rawValue))
        }
        func text(_ attribute: nftnl_chain_attr) -> String {
          Self.text(nftnl_chain_get_str(chain.pointer, UInt16(attribute.rawValue)))
        }
        let family: ForeignForwardChain.Family
        switch Int(number(NFTNL_CHAIN_FAMILY)) {
        case NFPROTO_INET: family = .inet
        case NFPROTO_IPV4: family = .ip
        default: return
        }
        guard nftnl_chain_is_set(chain.pointer, UInt16(NFTNL_CHAIN_HOOKNUM.rawValue)),
          number(NFTNL_CHAIN_HOOKNUM) == NftablesChain.HookPoint.forward.rawValue,
          family == .ip || text(NFTNL_CHAIN_TABLE) != NftablesTable.name
        else { return }
        chains.append(
          BaseChain(
            family: family, table: text(NFTNL_CHAIN_TABLE), name: text(NFTNL_CHAIN_NAME),
            drops: number(NFTNL_CHAIN_POLICY) == NftablesChain.Policy.drop.rawValue))
      })
    return chains
  }

  /// Of the chain's whole table: a base chain jumps to others.
  private func rules(of base: BaseChain) throws(KernelError) -> [Rule] {
    var rules: [Rule] = []
    let family = UInt8(base.family == .inet ? NFPROTO_INET : NFPROTO_IPV4)
    try dump(
      NFT_MSG_GETRULE, family, { $0.put(Int(NFTA_RULE_TABLE.rawValue), text: base.table) },
      restart: { rules.removeAll() },
      visit: { (message) throws(KernelError) in
        guard let rule = NftnlRule(), let header = message.nlmsghdr,
          nftnl_rule_nlmsg_parse(header, rule.pointer) >= 0
        else { throw KernelError("reading an nftables rule", .malformed("rule")) }
        guard Self.text(nftnl_rule_get_str(rule.pointer, UInt16(NFTNL_RULE_TABLE.rawValue))) == base.table
        else { return }
        let expressions = NftablesExpressionCodec.expressions(of: rule)
        rules.append(
          Rule(
            chain: Self.text(nftnl_rule_get_str(rule.pointer, UInt16(NFTNL_RULE_CHAIN.rawValue))),
            end: Self.end(expressions), links: Self.links(in: expressions)))
      })
    return rules
  }

  /// Counting, logging and comments are no conditions.
  private static func end(_ expressions: [NftablesExpression]) -> ForeignForwardChain.Ending? {
    let acts = expressions.filter { expression in
      switch expression {
      case .unknown("counter"), .unknown("log"), .unknown("target LOG"), .unknown("match comment"), .counter:
        false
      default: true
      }
    }
    guard acts.count == 1 else { return nil }
    return switch acts[0] {
    case .verdict(.accept): .accept
    case .verdict(.drop), .unknown("reject"), .unknown("target REJECT"): .droppingRule
    default: nil
    }
  }

  private static func links(in expressions: [NftablesExpression]) -> [String] {
    zip(expressions, expressions.dropFirst()).compactMap { pair in
      guard pair.0 == .meta(.inputInterfaceName) || pair.0 == .meta(.outputInterfaceName),
        case .compare(.equal, let octets) = pair.1
      else { return nil }
      let name = String(decoding: octets.prefix { $0 != 0 }, as: UTF8.self)
      // Without its zero it is the beginning of a name.
      return octets.contains(0) ? name : name + "*"
    }
  }

  private func dump(
    _ type: nf_tables_msg_types, _ family: UInt8, _ filter: (inout NetlinkMessage) -> Void,
    restart: () -> Void, visit: (ReceivedMessage) throws(KernelError) -> Void
  ) throws(KernelError) {
    try socket.dump(
      "reading others' nftables chains", UInt16(NFNL_SUBSYS_NFTABLES << 8 | Int32(type.rawValue)),
      { message in
        // struct nfgenmsg: family, version, resource.
        message.put(raw: [family, UInt8(NFNETLINK_V0), 0, 0])
        filter(&message)
      }, restart: restart, visit: visit)
  }

  private static func text(_ pointer: UnsafePointer<CChar>?) -> String {
    pointer.map { String(cString: $0) } ?? ""
  }
}
