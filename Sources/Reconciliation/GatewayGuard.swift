import Configuration
import Model

/// Names in the table `inet liteboxd`: what the rules refer to and the metrics report.
public enum GuardCounter: String, CaseIterable, Sendable {
  case egress = "egress_dropped"
  case egressIPv6 = "egress_ipv6_dropped"
  case notASource = "not_a_source_dropped"
  case spoofedSource = "spoofed_source_dropped"
  case deniedDestination = "denied_destination_dropped"
  case notAllowed = "not_allowed_dropped"
  case unsolicited = "unsolicited_dropped"
  case wan = "wan_dropped"
  case closed = "closed_dropped"
}

extension GuardCounter {
  /// Those of a gateway's table.
  public static let gateway: [GuardCounter] = [.egress, .egressIPv6]
}

public enum TrafficCounter: String, CaseIterable, Sendable {
  case out = "forwarded_out"
  case `in` = "forwarded_in"
}

enum SetName {
  static let excluded = "excluded"
  static let checked = "checked"
  static let tunnelIPv6 = "tunnel_ipv6"
  static let sources = "sources"
  static let zerotier = "zerotier"
  static let denied = "denied_destinations"
  static let allowedTCP = "allowed_tcp"
  static let allowedUDP = "allowed_udp"
}

extension NftablesTable {
  static let ownersNote = "held by liteboxd-agent: changes are undone"
}

/// Priorities beside source NAT at 100 (`NF_IP_PRI_NAT_SRC`, linux/netfilter_ipv4.h).
enum ChainPriority {
  static let mangle: Int32 = -150
  static let filter: Int32 = 0
  static let beforeSourceNAT: Int32 = 99
  static let sourceNAT: Int32 = 100
  static let afterSourceNAT: Int32 = 101
}

extension GatewaySettings {
  /// The layer behind the routes: a packet from the egress IP that leaves by another link than the tunnel is
  /// dropped, whatever the routing tables say. Looked at before source NAT can hide the egress IP and again
  /// after it can have made one.
  func guardTable(_ policy: GatewayPolicy, guardedIPv6: [CIDR]) -> NftablesTable {
    let jump = NftablesRule([], [.jump("egress_guard")], comment: "drop what leaves beside the tunnel")
    return NftablesTable(
      comment: NftablesTable.ownersNote,
      sets: [
        NftablesSet(SetName.excluded, .ipv4, networks: excludedCIDRs),
        NftablesSet(SetName.tunnelIPv6, .ipv6, networks: guardedIPv6),
      ]
        + (probe.isEndToEnd
          ? [NftablesSet(SetName.checked, .ipv4, networks: checkedServers.map { CIDR($0) })] : []),
      counters: [
        GuardCounter.egress.rawValue, GuardCounter.egressIPv6.rawValue, TrafficCounter.out.rawValue,
        TrafficCounter.in.rawValue,
      ],
      chains: [
        NftablesChain("egress_guard", rules: guardRules(policy.tunnel)),
        NftablesChain(
          "before_source_nat",
          hook: .init(.filter, at: .postrouting, priority: ChainPriority.beforeSourceNAT), rules: [jump]),
        NftablesChain(
          "after_source_nat",
          hook: .init(.filter, at: .postrouting, priority: ChainPriority.afterSourceNAT),
          rules: outgoing(policy.tunnel) + [jump]),
        NftablesChain(
          "incoming", hook: .init(.filter, at: .prerouting, priority: ChainPriority.mangle),
          rules: incoming(policy.tunnel) + answersToChecks(policy.tunnel)),
      ])
  }

  /// The source first: of a packet that is none of this, nothing else is looked at.
  private func guardRules(_ tunnel: Tunnel?) -> [NftablesRule] {
    let outside =
      [NftablesMatch.interface(.output, .notEqual, .loopback)]
      + (tunnel.map { [.interface(.output, .notEqual, $0.name)] } ?? [])
    return [
      NftablesRule(
        [.address(.source, egressIP)] + outside + [
          .addressInSet(.destination, .outside, set: SetName.excluded, egressIP.family)
        ],
        [.counter(GuardCounter.egress.rawValue), .drop], comment: "egress IP beside the tunnel"),
      NftablesRule(
        [.addressInSet(.source, .inside, set: SetName.tunnelIPv6, .ipv6)] + outside,
        [.counter(GuardCounter.egressIPv6.rawValue), .drop],
        comment: "this ZeroTier network's IPv6 beside the tunnel"),
    ]
  }

  /// What is counted needs no further look.
  private func outgoing(_ tunnel: Tunnel?) -> [NftablesRule] {
    guard let tunnel else { return [] }
    let matches: [NftablesMatch] = [
      .address(.source, egressIP), .interface(.output, .equal, tunnel.name),
      .addressInSet(.destination, .outside, set: SetName.excluded, egressIP.family),
    ]
    return [
      NftablesRule(matches, [.counter(TrafficCounter.out.rawValue), .accept], comment: "to the Internet")
    ]
  }

  private func incoming(_ tunnel: Tunnel?) -> [NftablesRule] {
    guard let tunnel else { return [] }
    let matches: [NftablesMatch] = [
      .interface(.input, .equal, tunnel.name), .address(.destination, egressIP),
      .addressInSet(.source, .outside, set: SetName.excluded, egressIP.family),
    ]
    return [NftablesRule(matches, [.counter(TrafficCounter.in.rawValue)], comment: "from the Internet")]
  }

  /// The servers that end-to-end checks ask.
  private var checkedServers: [IPAddress] {
    probe.through.map(\.address) + (probe.publicAddress.map { [$0.server] } ?? [])
  }

  /// While closed, the egress IP has no way to the Internet but for the checks' sockets, so that the reverse path
  /// filter would drop the servers' answers. The mark leads it to a check's table (`src_valid_mark`).
  private func answersToChecks(_ tunnel: Tunnel?) -> [NftablesRule] {
    guard let tunnel, let way = checkedExits.first else { return [] }
    let matches: [NftablesMatch] = [
      .interface(.input, .equal, tunnel.name), .address(.destination, egressIP),
      .addressInSet(.source, .inside, set: SetName.checked, egressIP.family), .layerFour(.tcp),
    ]
    return [NftablesRule(matches, [.setMark(way.mark)], comment: "answers to end-to-end checks")]
  }
}
