import Model

/// What of a cloud server's rules looks at where packets come from and leave.
extension CloudRuleset {
  /// A packet's address among these networks, which are the set's: compared with the only one, if there is but one. A
  /// set of intervals takes as long for each packet as all the rest of a rule and its neighbours.
  func among(
    _ networks: [CIDR], _ end: PacketEnd, _ membership: Membership, _ set: String
  ) -> NftablesMatch {
    let apart = networks.filter { $0.family == .ipv4 }.withoutContained()
    if apart.count == 1, !apart[0].isEverything {
      return .addressInNetwork(end, membership, apart[0])
    }
    return .addressInSet(end, membership, set: set, .ipv4)
  }

  /// Every link but the tunnel may lead out, now or once a route moves. Before the tunnel is known, those are left out
  /// that are named as ZeroTier names its own.
  var outside: [NftablesMatch] {
    let tunnel: NftablesMatch? =
      if let name = policy.tunnel?.name {
        .interface(.output, .notEqual, name)
      } else if policy.wan?.name.text.hasPrefix(Self.zerotierPrefix) == true {
        nil
      } else { .interfaceBeginning(.output, .notEqual, Self.zerotierPrefix) }
    return [.interface(.output, .notEqual, .loopback)] + (tunnel.map { [$0] } ?? [])
  }

  private static let zerotierPrefix = "zt"

  /// Behind source NAT: what still has a ZeroTier address here was not translated, or is an answer that lost
  /// its tunnel.
  var wanGuard: [NftablesRule] {
    let own = neighbours.map {
      NftablesRule([.interface(.output, .equal, $0)], [.accept], comment: "in such a range itself")
    }
    let ends = [PacketEnd.source, .destination]
    let six = ends.map { guarding($0, .addressInSet($0, .inside, set: SetName.tunnelIPv6, .ipv6)) }
    return six + own + ends.map { guarding($0, among(zerotier, $0, .inside, SetName.zerotier)) }
  }

  /// The address first: what was translated has none of these, and needs no look at the link.
  private func guarding(_ end: PacketEnd, _ match: NftablesMatch) -> NftablesRule {
    NftablesRule(
      [match] + outside, [.counter(GuardCounter.wan.rawValue), .drop], comment: "ZeroTier \(end) leaving")
  }
}
