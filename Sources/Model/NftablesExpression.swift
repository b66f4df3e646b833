/// One instruction of the kernel's nftables machine: what rules are made of, and what a dump gives back.
///
/// Both what is wanted and what is found are compared in this form. Numbers are those of
/// linux/netfilter/nf_tables.h. Only register 1 is ever used, so it is not named.
public enum NftablesExpression: Hashable, Sendable {
  case meta(MetaKey)
  /// `NFT_META_MARK`, written.
  case setMark
  case payload(PayloadBase, offset: UInt32, length: UInt32)
  case bitwise(mask: [UInt8])
  case compare(Comparison, [UInt8])
  case lookup(set: String, Membership)
  case connectionTrackingState
  case counter(String)
  /// `update @set { … counter }`: the element keeps a counter of its own.
  case countInSet(String)
  case verdict(Verdict)
  case immediate([UInt8])
  case masquerade
  case sourceNAT(AddressFamily)
  /// `NFT_RT_TCPMSS`
  case routeMaximumSegmentSize
  /// Two octets, host to network order.
  case hostToNetwork16
  /// Writes two octets at offset 2 of TCP option 2.
  case writeMaximumSegmentSize
  /// Anything else, by its kernel name, with iptables' extensions as in `target REJECT`: never equal to what the agent
  /// makes.
  case unknown(String)

  /// `NFT_META_*`
  public enum MetaKey: UInt32, Hashable, Sendable {
    case inputInterfaceName = 6
    case outputInterfaceName = 7
    case networkProtocol = 15
    case layerFourProtocol = 16
  }

  /// `NFT_PAYLOAD_*_HEADER`
  public enum PayloadBase: UInt32, Hashable, Sendable {
    case network = 1
    case transport = 2
  }

  public enum Verdict: Hashable, Sendable {
    case accept, drop
    case jump(String)
    case other(Int32)
  }
}

extension NftablesRule {
  /// The rule as the kernel is given it and gives it back.
  public var expressions: [NftablesExpression] {
    matches.flatMap(\.expressions) + statements.flatMap(\.expressions)
  }
}

extension NftablesMatch {
  var expressions: [NftablesExpression] {
    switch self {
    case .interface(let direction, let comparison, let name):
      // IFNAMSIZ octets with their zeros: the whole name, not a beginning of it.
      let padded = Array(name.text.utf8) + [UInt8](repeating: 0, count: 16 - name.text.utf8.count)
      let key: NftablesExpression.MetaKey = direction == .input ? .inputInterfaceName : .outputInterfaceName
      return [.meta(key), .compare(comparison, padded)]
    case .interfaceBeginning(let direction, let comparison, let text):
      let key: NftablesExpression.MetaKey = direction == .input ? .inputInterfaceName : .outputInterfaceName
      return [.meta(key), .compare(comparison, Array(text.utf8))]
    case .address(let end, let address):
      return Self.load(end, address.family) + [.compare(.equal, address.networkOrder)]
    case .addressInNetwork(let end, let membership, let network):
      let comparison = membership == .inside ? Comparison.equal : .notEqual
      return Self.load(end, network.family) + [
        .bitwise(mask: network.maskInNetworkOrder), .compare(comparison, network.address.networkOrder),
      ]
    case .addressInSet(let end, let membership, let set, let family):
      return Self.load(end, family) + [.lookup(set: set, membership)]
    case .layerFour(let number):
      return Self.layerFour(number)
    case .destinationPortInSet(let number, let set):
      return Self.layerFour(number) + [
        .payload(.transport, offset: 2, length: 2), .lookup(set: set, .inside),
      ]
    case .state(let states):
      // Connection state is a number in host order, unlike everything that comes from a packet.
      return [
        .connectionTrackingState, .bitwise(mask: withUnsafeBytes(of: states.rawValue) { Array($0) }),
        .compare(.notEqual, [0, 0, 0, 0]),
      ]
    case .tcpSyn:
      let flags = (syn: UInt8(0x02), reset: UInt8(0x04))
      return Self.layerFour(.tcp) + [
        .payload(.transport, offset: 13, length: 1), .bitwise(mask: [flags.syn | flags.reset]),
        .compare(.equal, [flags.syn]),
      ]
    }
  }

  private static func layerFour(_ number: LayerFourProtocol) -> [NftablesExpression] {
    [.meta(.layerFourProtocol), .compare(.equal, [number.rawValue])]
  }

  /// In a table of family inet an address is only looked at behind a test of the packet's family.
  fileprivate static func load(_ end: PacketEnd, _ family: AddressFamily) -> [NftablesExpression] {
    let source: UInt32 = family == .ipv4 ? 12 : 8
    let length = UInt32(family.addressBytes)
    return [
      .meta(.networkProtocol), .compare(.equal, [family.rawValue]),
      .payload(.network, offset: end == .source ? source : source + length, length: length),
    ]
  }
}

extension NftablesStatement {
  var expressions: [NftablesExpression] {
    switch self {
    case .counter(let name): [.counter(name)]
    case .countInSet(let end, let set): NftablesMatch.load(end, .ipv4) + [.countInSet(set)]
    // A mark is a number in host order.
    case .setMark(let mark): [.immediate(withUnsafeBytes(of: mark) { Array($0) }), .setMark]
    case .accept: [.verdict(.accept)]
    case .drop: [.verdict(.drop)]
    case .jump(let chain): [.verdict(.jump(chain))]
    case .masquerade: [.masquerade]
    case .sourceNAT(let address): [.immediate(address.networkOrder), .sourceNAT(address.family)]
    case .clampMaximumSegmentSize: [.routeMaximumSegmentSize, .hostToNetwork16, .writeMaximumSegmentSize]
    }
  }
}
