import Model

// What is wrong with a host, in the words that the status page, the log and `doctor` share: one cause reads the same
// wherever it is told.

extension Finding {
  public init(foreignRuleAhead rule: RoutingRule) {
    self.init(
      code: "foreign-rule-ahead", message: "another's rule is asked before the agent's: \(rule)",
      remedy: "move it behind: give it a priority above the agent's, or lower gateway.rulePriority")
  }

  /// - Parameter name: of the link with that number.
  public init(foreignRouteAhead route: Route, naming name: (InterfaceIndex) -> String?) {
    let text = route.text(naming: name)
    self.init(
      code: "foreign-route-ahead",
      message: "a route of table local, which is asked before all rules, leads past the tunnel: \(text)",
      remedy: "ip route del \(text), and see who added it")
  }

  public init(missingSystemRule table: RoutingTableID) {
    let priority = table == .main ? 32766 : 32767
    self.init(
      code: "system-rule-missing",
      message: "the system's rule for table \(table) is gone; the host's own routing lacks it",
      remedy: "ip rule add priority \(priority) lookup \(table)")
  }

  public static func foreignForwardDrop(_ chain: ForeignForwardChain, _ tunnel: InterfaceName) -> Finding {
    let place = "chain \(chain.name) of nftables table \(chain.family.rawValue) \(chain.table)"
    let how = chain.ending == .dropPolicy ? "has policy drop" : "drops all that comes to its end"
    let link = tunnel.text.shellWord
    return Finding(
      code: "foreign-forward-drop", message: "\(place) \(how), and no rule of that table names \(tunnel)",
      remedy:
        "accept what comes from and goes to \(tunnel) there, as its owner does: iptables -I DOCKER-USER -i \(link) -j ACCEPT and -o \(link), ufw route allow, or firewalld's trusted zone"
    )
  }

  public static func exitOutside(_ name: String, _ problem: String) -> Finding {
    Finding(
      code: "exit-outside-network", message: "exit \(name) is not used: \(problem)",
      remedy: "correct its address in gateway.exits: the cloud server's in the ZeroTier network")
  }

  public static func relayed(_ name: String) -> Finding {
    Finding(
      code: "exit-relayed",
      message:
        "packets to exit \(name) have been relayed by a ZeroTier root for over a minute: slow, and not its job",
      remedy: "open UDP 9993 to and from both hosts, in their firewalls and their provider's")
  }

  public static func refusedConfiguration(_ error: String, keeping path: String) -> Finding {
    Finding(
      code: "config-refused", message: error,
      remedy: "correct \(path); the last good configuration stays in force until then")
  }

  public static func tableHeld(by port: UInt32) -> Finding {
    Finding(
      code: "table-held", message: "another process holds nftables table inet liteboxd: netlink port \(port)",
      remedy: "the port is usually its process number: stop that process, then the agent takes the table over"
    )
  }

  public static let sharedTable = Finding(
    code: "kernel-feature-missing",
    message:
      "this kernel has no persistent owned nftables tables (6.9): anyone with CAP_NET_ADMIN can change the guard",
    remedy: "use a newer kernel; until then the agent watches the table and repairs it")

  /// Before 5.10 the lookup that Cilium's BPF does may ignore policy routing rules.
  public static func oldKernel(_ release: String) -> Finding {
    Finding(
      code: "kernel-too-old",
      message: "kernel \(release) is older than 5.10: Cilium's egress path can leak on it",
      remedy: "run a kernel of 5.10 or later on gateway nodes")
  }

  public static func zerotierDefault(_ network: ZeroTierNetworkID) -> Finding {
    Finding(
      code: "zerotier-default-route",
      message:
        "ZeroTier may send all of this host's own traffic through network \(network) (allowDefault, or a managed default route)",
      remedy: "zerotier-cli set \(network) allowDefault=0; the agent's own routes are not touched by it")
  }

  public static func wanNoCarrier(_ link: Link) -> Finding {
    Finding(
      code: "wan-no-carrier",
      message: "WAN interface \(link.name) " + (link.isUp ? "has no carrier" : "is down"),
      remedy: link.isUp
        ? "see to its other end: the cable, or the virtual machine's network at the provider"
        : "ip link set \(link.name) up")
  }

  public static func wanUnanswered(_ name: InterfaceName, _ problem: String?) -> Finding {
    Finding(
      code: "wan-unanswered",
      message: "nobody of cloud.probe.through answers by \(name)" + (problem.map { ": \($0)" } ?? ""),
      remedy:
        "see to this server's router, provider and firewall (its output chains too), or correct cloud.probe.through"
    )
  }

  public static func wanNoRoute(_ name: InterfaceName) -> Finding {
    Finding(
      code: "wan-no-route", message: "the main table has no default route through \(name)",
      remedy: "add one, or correct cloud.wanInterface, unless policy routing leads out by it")
  }
}
