// The agent's nftables objects as nft(8) writes them. Names that come from outside (links) are quoted.

extension NftablesMatch: CustomStringConvertible {
  public var description: String {
    switch self {
    case .interface(let direction, let comparison, let name):
      let key = direction == .input ? "iifname" : "oifname"
      return "\(key) \(comparison == .equal ? "" : "!= ")\"\(name)\""
    case .interfaceBeginning(let direction, let comparison, let text):
      let key = direction == .input ? "iifname" : "oifname"
      return "\(key) \(comparison == .equal ? "" : "!= ")\"\(text)*\""
    case .address(let end, let address):
      return "\(Self.key(end, address.family)) \(address)"
    case .addressInNetwork(let end, let membership, let network):
      let comparison = membership == .inside ? "" : "!= "
      return
        "\(Self.key(end, network.family)) \(comparison)\(network.isHost ? "\(network.address)" : "\(network)")"
    case .addressInSet(let end, let membership, let set, let family):
      return "\(Self.key(end, family)) \(membership == .inside ? "" : "!= ")@\(set)"
    case .layerFour(let number): return "meta l4proto \(number)"
    case .destinationPortInSet(let number, let set): return "\(number) dport @\(set)"
    case .state(let states): return "ct state \(states)"
    case .tcpSyn: return "tcp flags syn / syn,rst"
    }
  }

  private static func key(_ end: PacketEnd, _ family: AddressFamily) -> String {
    "\(family == .ipv4 ? "ip" : "ip6") \(end == .source ? "saddr" : "daddr")"
  }
}

extension NftablesStatement: CustomStringConvertible {
  public var description: String {
    switch self {
    case .counter(let name): "counter name \"\(name)\""
    case .countInSet(let end, let set):
      "update @\(set) { ip \(end == .source ? "saddr" : "daddr") counter }"
    case .setMark(let mark): "meta mark set 0x\(String(mark, radix: 16))"
    case .accept: "accept"
    case .drop: "drop"
    case .jump(let chain): "jump \(chain)"
    case .masquerade: "masquerade"
    case .sourceNAT(let address): "snat \(address.family == .ipv4 ? "ip" : "ip6") to \(address)"
    case .clampMaximumSegmentSize: "tcp option maxseg size set rt mtu"
    }
  }
}

extension NftablesRule: CustomStringConvertible {
  public var description: String {
    (matches.map(\.description) + statements.map(\.description) + ["comment \"\(comment)\""])
      .joined(separator: " ")
  }
}

extension ConnectionState: CustomStringConvertible {
  public var description: String {
    let names: [(ConnectionState, String)] = [
      (.invalid, "invalid"), (.established, "established"), (.related, "related"), (.new, "new"),
    ]
    return names.filter { contains($0.0) }.map(\.1).joined(separator: ",")
  }
}

extension NftablesChain.Hook: CustomStringConvertible {
  public var description: String { "type \(type) hook \(point) priority \(priority); policy \(policy);" }
}

extension NftablesSet.KeyType: CustomStringConvertible {
  public var description: String {
    switch self {
    case .address(.ipv4): "ipv4_addr"
    case .address(.ipv6): "ipv6_addr"
    case .port: "inet_service"
    }
  }
}

extension NftablesSet {
  /// An element as nft writes it: one value, a network where the range is one, else a range.
  public static func text(_ range: ClosedRange<UInt128>, _ keyType: KeyType) -> String {
    guard case .address(let family) = keyType else {
      return range.lowerBound == range.upperBound
        ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
    }
    let first = IPAddress(family: family, bits: range.lowerBound)
    let last = IPAddress(family: family, bits: range.upperBound)
    let hostBits = (range.lowerBound ^ range.upperBound)
    let network = CIDR(
      containing: first, prefixLength: family.addressBits - (128 - hostBits.leadingZeroBitCount))
    guard network.address == first, network.last == last else { return "\(first)-\(last)" }
    return network.isHost ? "\(first)" : "\(network)"
  }
}
