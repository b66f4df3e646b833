extension Lab {
  /// What stands at the end of table 100 when the tunnel's route is gone.
  public enum Fallback: Sendable {
    /// The plan as written: the lookup goes on in the main table.
    case none
    /// An `unreachable default` behind the tunnel's.
    case unreachable
  }

  /// The plan's manual steps, without any agent: forwarding and masquerade on the first cloud server, a rule
  /// and table 100 on the gateway. What leaks under it shows that the counters count.
  public func followPlanByHand(fallback: Fallback = .none) throws {
    try openCloudByHand(.cloudA)
    let device = try zeroTier(.gateway).device
    var routes = Address.excludedNetworks.map { "route add throw \($0) table 100" }
    if fallback == .unreachable { routes.append("route add unreachable default metric 4294967295 table 100") }
    routes += [
      "route add default via \(Node.cloudA.tunnelAddress ?? "") dev \(device) table 100",
      "rule add from \(Address.egress) table 100 priority 150",
    ]
    try namespace(.gateway).ip(batch: routes)
  }

  /// Section C of the plan: `ip_forward` and masquerade.
  public func openCloudByHand(_ cloud: Node, for sources: String = Address.tunnelNetwork) throws {
    let namespace = try namespace(cloud)
    try namespace.setSysctls(["net.ipv4.ip_forward": "1"])
    try namespace.nft(
      ruleset: """
        table ip plan {
          chain postrouting {
            type nat hook postrouting priority srcnat; policy accept;
            ip saddr \(sources) oifname "eth0" masquerade
          }
        }
        """)
  }
}
