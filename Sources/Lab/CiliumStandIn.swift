/// What Cilium's egress gateway does for the pod, as far as the node's routing sees it: the pod's packets to
/// destinations outside the excluded networks have the egress IP as their source before they are routed, and
/// the answers find their way back. Ordinary source NAT would not do: it routes by the pod's address.
///
/// ICMP errors that the gateway itself makes for such a packet go to the egress IP, so to itself; the pod
/// sees silence, as it does with Cilium.
struct CiliumStandIn {
  let gateway: NetworkNamespace
  var egress = Address.egress

  /// Which flows were the pod's, so that answers to the node's own sockets stay on the node. A bit high up in
  /// conntrack's mark, where nobody else's is expected.
  private static let podFlow = "0x10000000"

  /// In place of the one that is there, if there is any: no packet passes in between.
  func install() throws(LabError) {
    let excluded = Address.excludedNetworks.joined(separator: ", ")
    let podFlow = CiliumStandIn.podFlow
    try gateway.nft(
      ruleset: """
        table ip cilium_stand_in
        delete table ip cilium_stand_in
        table ip cilium_stand_in {
          chain rewrite {
            type filter hook prerouting priority -310; policy accept;
            iifname "pod0" ip saddr \(Address.pod) ip daddr != { \(excluded) } ip saddr set \(egress)
          }
          chain remember {
            type filter hook prerouting priority -150; policy accept;
            iifname "pod0" ip saddr \(egress) ct mark set ct mark or \(podFlow)
          }
          chain answer {
            type filter hook prerouting priority -90; policy accept;
            iifname != "pod0" ip daddr \(egress) ct mark and \(podFlow) == \(podFlow) ip daddr set \(Address.pod)
          }
        }
        """)
  }
}

extension Lab {
  /// Another egress IP for the pod, or none: then what it sends to the Internet is dropped, as by Cilium without a
  /// gateway.
  public func setPodEgress(_ egress: String?) throws {
    let gateway = try namespace(.gateway)
    if let egress {
      try CiliumStandIn(gateway: gateway, egress: egress).install()
    } else {
      try gateway.nft("insert rule ip cilium_stand_in rewrite iifname pod0 drop")
    }
  }

  /// Puts the pod's address translation back, for scenarios that flush the gateway's whole ruleset: Cilium's
  /// own is in BPF and would have survived.
  public func restoreCiliumStandIn() throws {
    let standIn = CiliumStandIn(gateway: try namespace(.gateway))
    let tables = try namespace(.gateway).nft("list", "tables")
    if !tables.contains("cilium_stand_in") { try standIn.install() }
  }
}
