import Configuration
import Model

/// The cloud server's nftables table. Each list is one interval set, so that the number of rules does not grow
/// with it.
struct CloudRuleset {
  let policy: CloudPolicy
  private let cloud: CloudSettings
  private let network: ZeroTierNetworkID
  let zerotier: [CIDR]
  let neighbours: [InterfaceName]

  init(
    _ policy: CloudPolicy, _ cloud: CloudSettings, network: ZeroTierNetworkID,
    _ surroundings: CloudSurroundings
  ) {
    self.policy = policy
    self.cloud = cloud
    self.network = network
    // What overlaps the server's own network is left out: else the guard would cut the server off.
    zerotier = (cloud.sources + surroundings.networks).filter { !policy.overlaps([$0]) }
    neighbours = policy.wan == nil ? [] : surroundings.neighbours
  }

  var table: NftablesTable {
    NftablesTable(
      comment: NftablesTable.ownersNote, sets: sets, dynamicSets: GatewaySet.all,
      counters: GuardCounter.cloud.map(\.rawValue) + TrafficCounter.allCases.map(\.rawValue), chains: chains)
  }

  // MARK: Sets

  private var sets: [NftablesSet] {
    [
      NftablesSet(SetName.sources, .ipv4, networks: cloud.sources),
      NftablesSet(SetName.zerotier, .ipv4, networks: zerotier),
      NftablesSet(SetName.tunnelIPv6, .ipv6, networks: network.ipv6Prefixes + zerotier),
      NftablesSet(SetName.denied, .ipv4, networks: cloud.denyDestinations),
    ] + (limits(.tcp) ? [ports(.tcp, SetName.allowedTCP)] : [])
      + (limits(.udp) ? [ports(.udp, SetName.allowedUDP)] : [])
  }

  /// Whether only some ports of the protocol are allowed.
  private func limits(_ transport: TransportProtocol) -> Bool {
    let entries = cloud.allow.filter { $0.protocol == transport }
    return !entries.isEmpty && entries.allSatisfy { !$0.ports.isEmpty }
  }

  private func ports(_ transport: TransportProtocol, _ name: String) -> NftablesSet {
    let ranges = cloud.allow.filter { $0.protocol == transport }.flatMap(\.ports)
    return NftablesSet(name, .port, ranges: ranges.map { UInt128($0.lowerBound)...UInt128($0.upperBound) })
  }

  // MARK: Chains

  private var chains: [NftablesChain] {
    let forward = NftablesChain.Hook(.filter, at: .forward, priority: ChainPriority.filter)
    var chains: [NftablesChain] = []
    switch policy {
    case .closed: chains.append(NftablesChain(CloudChain.forward, hook: forward, rules: closedRules))
    case .open(let tunnel, let wan):
      chains += [
        NftablesChain(CloudChain.leaving, rules: leaving),
        NftablesChain(CloudChain.fromZeroTier, rules: fromZeroTier(wan)),
        NftablesChain(CloudChain.answered, rules: answered),
        NftablesChain(CloudChain.toZeroTier, rules: toZeroTier(wan)),
        NftablesChain(CloudChain.forward, hook: forward, rules: forwardRules(tunnel)),
      ]
    }
    if !policy.overlaps(cloud.sources) { chains.append(translation) }
    let last = NftablesChain.Hook(.filter, at: .postrouting, priority: ChainPriority.afterSourceNAT)
    chains.append(NftablesChain("wan_guard", hook: last, rules: wanGuard))
    return chains
  }

  /// Stays while closed, and without a WAN: the kernel follows flows and undoes their translation for the sake of such a
  /// rule alone. Else what the Internet still sends to an established flow would be this server's own, which would
  /// break it off, and what was not followed is not translated afterwards.
  private var translation: NftablesChain {
    NftablesChain(
      CloudChain.sourceNAT, hook: .init(.nat, at: .postrouting, priority: ChainPriority.sourceNAT),
      rules: [sourceNAT])
  }

  private var closedRules: [NftablesRule] {
    let drop: [NftablesStatement] = [.counter(GuardCounter.closed.rawValue), .drop]
    let byAddress: [(NftablesMatch, String)] = [SetName.sources, SetName.zerotier].flatMap { set in
      [
        (.addressInSet(.source, .inside, set: set, .ipv4), "closed: from \(set)"),
        (.addressInSet(.destination, .inside, set: set, .ipv4), "closed: to \(set)"),
      ]
    }
    let byLink: [(NftablesMatch, String)] =
      policy.tunnel.map {
        [
          (.interface(.input, .equal, $0.name), "closed: from ZeroTier"),
          (.interface(.output, .equal, $0.name), "closed: to ZeroTier"),
        ]
      } ?? []
    return (byLink + byAddress).map { NftablesRule([$0.0], drop, comment: $0.1) }
  }

  /// What most packets need comes first: from the tunnel none goes on behind the jump.
  private func forwardRules(_ tunnel: Tunnel) -> [NftablesRule] {
    [
      NftablesRule(
        [.interface(.input, .equal, tunnel.name)], [.jump(CloudChain.fromZeroTier)],
        comment: "sandbox traffic"),
      NftablesRule(
        [among(zerotier, .source, .inside, SetName.zerotier), .interface(.input, .notEqual, tunnel.name)],
        [.counter(GuardCounter.spoofedSource.rawValue), .drop], comment: "ZeroTier address from elsewhere"),
      NftablesRule(
        [.interface(.output, .equal, tunnel.name)], [.jump(CloudChain.toZeroTier)], comment: "answers"),
    ]
  }

  private func fromZeroTier(_ wan: WAN) -> [NftablesRule] {
    let toWAN = NftablesMatch.interface(.output, .equal, wan.name)
    return [
      NftablesRule(
        [among(cloud.sources, .source, .outside, SetName.sources)],
        [.counter(GuardCounter.notASource.rawValue), .drop], comment: "not a configured source"),
      NftablesRule(
        [.addressInSet(.destination, .inside, set: SetName.denied, .ipv4)],
        [.counter(GuardCounter.deniedDestination.rawValue), .drop], comment: "denied destination"),
    ] + allowed.map { NftablesRule([toWAN] + $0.0, [.jump(CloudChain.leaving)], comment: $0.1) } + [
      NftablesRule(
        [], [.counter(GuardCounter.notAllowed.rawValue), .drop], comment: "anything else from ZeroTier")
    ]
  }

  /// For what is allowed out. Counting comes first and by itself: where the set is full its rule ends, and the
  /// next accepts all the same.
  private var leaving: [NftablesRule] {
    clamp + [
      NftablesRule([], [.countInSet(.source, set: GatewaySet.out.name)], comment: "who sends"),
      NftablesRule([], [.counter(TrafficCounter.out.rawValue), .accept], comment: "out to the Internet"),
    ]
  }

  /// For answers by the WAN.
  private var answered: [NftablesRule] {
    clamp + [
      NftablesRule(
        [among(cloud.sources, .destination, .inside, SetName.sources)],
        [.countInSet(.destination, set: GatewaySet.in.name)], comment: "who is answered"),
      NftablesRule(
        [], [.counter(TrafficCounter.in.rawValue), .accept], comment: "answers from the Internet"),
    ]
  }

  private var clamp: [NftablesRule] {
    guard cloud.clampMSS == .clamp else { return [] }
    return [NftablesRule([.tcpSyn], [.clampMaximumSegmentSize], comment: "segments that fit the path")]
  }

  /// Each names the sources, so that it needs no rule before it, and by them IPv4: IPv6 is never allowed, since nothing
  /// translates its addresses.
  private var allowed: [([NftablesMatch], String)] {
    let fromSources = among(cloud.sources, .source, .inside, SetName.sources)
    guard !cloud.allow.isEmpty else { return [([fromSources], "any protocol and port")] }
    var rules: [([NftablesMatch], String)] = [
      ([fromSources, .layerFour(.icmp), .state(.related)], "errors about allowed flows")
    ]
    for (transport, number, set) in Self.transports
    where cloud.allow.contains(where: { $0.protocol == transport }) {
      let match: NftablesMatch =
        if let set, limits(transport) { .destinationPortInSet(number, set: set) } else { .layerFour(number) }
      rules.append(([fromSources, match], "allowed \(number)"))
    }
    return rules
  }

  private static let transports: [(TransportProtocol, LayerFourProtocol, String?)] = [
    (.tcp, .tcp, SetName.allowedTCP), (.udp, .udp, SetName.allowedUDP), (.icmp, .icmp, nil),
  ]

  private func toZeroTier(_ wan: WAN) -> [NftablesRule] {
    let fromWAN = NftablesMatch.interface(.input, .equal, wan.name)
    let answers = NftablesMatch.state([.established, .related])
    return [
      NftablesRule([fromWAN, answers], [.jump(CloudChain.answered)], comment: "answers from the Internet"),
      // By whatever link: what was the WAN a moment ago still hears from the Internet.
      NftablesRule([answers], [.accept], comment: "answers to what left before"),
      NftablesRule(
        [], [.counter(GuardCounter.unsolicited.rawValue), .drop], comment: "nobody asked for this"),
    ]
  }

  private var sourceNAT: NftablesRule {
    let toWAN = policy.wan.map { [NftablesMatch.interface(.output, .equal, $0.name)] } ?? outside
    let matches = toWAN + [.addressInSet(.source, .inside, set: SetName.sources, .ipv4)]
    return switch cloud.snat {
    case .masquerade: NftablesRule(matches, [.masquerade], comment: "leave as this server")
    case .fixed(let address): NftablesRule(matches, [.sourceNAT(address)], comment: "leave as \(address)")
    }
  }
}

/// Chains of the cloud server's table that others refer to.
public enum CloudChain {
  public static let forward = "forward"
  public static let fromZeroTier = "from_zerotier"
  public static let leaving = "leaving"
  public static let answered = "answered"
  public static let toZeroTier = "to_zerotier"
  public static let sourceNAT = "source_nat"
}

extension CloudPolicy {
  /// The server's own address or network is inside the ZeroTier ones: then the guard would cut the server off.
  public func overlaps(_ zerotier: [CIDR]) -> Bool {
    wan?.addresses.contains { own in zerotier.contains { $0.overlaps(own.network) } } ?? false
  }
}

extension GuardCounter {
  /// Those of a cloud server's table.
  public static let cloud: [GuardCounter] = [
    .notASource, .spoofedSource, .deniedDestination, .notAllowed, .unsolicited, .wan, .closed,
  ]
}
