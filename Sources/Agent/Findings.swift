import Kernel
import Model
import Report

extension Finding {
  init(refusal error: KernelError) {
    self.init(
      code: "kernel-refused", message: "\(error)",
      remedy: "the agent tries again by itself; if it stays, check the capabilities and the kernel's features"
    )
  }

  /// Of the cloud server's `nf_conntrack_tcp_loose`, the only such parameter.
  init(unmet error: KernelError) {
    self.init(
      code: "midstream-pickup-off",
      message: "clients hang when a gateway moves their connections to this server: \(error)",
      remedy: "sysctl -w net.netfilter.nf_conntrack_tcp_loose=1, and see why the agent may not")
  }

  init(foreignRuleAhead rule: RoutingRule) {
    self.init(
      code: "foreign-rule-ahead", message: "another's rule is asked before the agent's: \(rule)",
      remedy: "move it behind: give it a priority above the agent's, or lower gateway.rulePriority")
  }

  /// - Parameter name: of the link with that number.
  init(foreignRouteAhead route: Route, naming name: (InterfaceIndex) -> String?) {
    let text = route.text(naming: name)
    self.init(
      code: "foreign-route-ahead",
      message: "a route of table local, which is asked before all rules, leads past the tunnel: \(text)",
      remedy: "ip route del \(text), and see who added it")
  }

  init(missingSystemRule table: RoutingTableID) {
    let priority = table == .main ? 32766 : 32767
    self.init(
      code: "system-rule-missing",
      message: "the system's rule for table \(table) is gone; the host's own routing lacks it",
      remedy: "ip rule add priority \(priority) lookup \(table)")
  }

  static func standbyExit(_ active: String, insteadOf preferred: String, because problem: String?) -> Finding
  {
    Finding(
      code: "standby-exit",
      message: "exit \(active) is in use instead of \(preferred)\(problem.map { ": \($0)" } ?? "")",
      remedy: "see to \(preferred); traffic returns once it has been healthy for gateway.probe.failbackAfter")
  }

  static func foreignForwardDrop(_ chain: ForeignForwardChain, _ tunnel: InterfaceName) -> Finding {
    let place = "chain \(chain.name) of nftables table \(chain.family.rawValue) \(chain.table)"
    let how = chain.ending == .dropPolicy ? "has policy drop" : "drops all that comes to its end"
    let link = tunnel.text.shellWord
    return Finding(
      code: "foreign-forward-drop", message: "\(place) \(how), and no rule of that table names \(tunnel)",
      remedy:
        "accept what comes from and goes to \(tunnel) there, as its owner does: iptables -I DOCKER-USER -i \(link) -j ACCEPT and -o \(link), ufw route allow, or firewalld's trusted zone"
    )
  }

  static func exitsMissing(_ names: [String]) -> Finding {
    Finding(
      code: "exit-missing", message: "no flows go through \(names.joined(separator: ", "))",
      remedy: "see to it; it gets its share once it has been healthy for gateway.probe.failbackAfter")
  }

  static func pinnedExit(_ name: String) -> Finding {
    Finding(
      code: "exit-pinned", message: "traffic is pinned to exit \(name); no other one takes over if it fails",
      remedy: "liteboxd-agent exit use auto, when the maintenance is over")
  }

  static func exitUnasked(_ name: String, _ problem: String?) -> Finding {
    Finding(
      code: "exit-unasked",
      message: "exit \(name) carries traffic and cannot be asked whether it works"
        + (problem.map { ": \($0)" } ?? ""),
      remedy: "see what uses up the descriptors or the memory, or raise the limits (LimitNOFILE=, MemoryMax=)"
    )
  }

  static func exitOutside(_ name: String, _ problem: String) -> Finding {
    Finding(
      code: "exit-outside-network", message: "exit \(name) is not used: \(problem)",
      remedy: "correct its address in gateway.exits: the cloud server's in the ZeroTier network")
  }

  static func relayed(_ name: String) -> Finding {
    Finding(
      code: "exit-relayed",
      message:
        "packets to exit \(name) have been relayed by a ZeroTier root for over a minute: slow, and not its job",
      remedy: "open UDP 9993 to and from both hosts, in their firewalls and their provider's")
  }

  static func refusedConfiguration(_ error: String, keeping path: String) -> Finding {
    Finding(
      code: "config-refused", message: error,
      remedy: "correct \(path); the last good configuration stays in force until then")
  }

  static func tableHeld(by port: UInt32) -> Finding {
    Finding(
      code: "table-held", message: "another process holds nftables table inet liteboxd: netlink port \(port)",
      remedy: "the port is usually its process number: stop that process, then the agent takes the table over"
    )
  }

  static let pending = Finding(
    code: "kernel-pending",
    message: "the kernel's state is being changed and was not read back as wanted yet",
    remedy: "wait a moment; if it stays, see the log")

  static let sharedTable = Finding(
    code: "kernel-feature-missing",
    message:
      "this kernel has no persistent owned nftables tables (6.9): anyone with CAP_NET_ADMIN can change the guard",
    remedy: "use a newer kernel; until then the agent watches the table and repairs it")

  /// Before 5.10 the lookup that Cilium's BPF does may ignore policy routing rules.
  static func oldKernel(_ release: String) -> Finding {
    Finding(
      code: "kernel-too-old",
      message: "kernel \(release) is older than 5.10: Cilium's egress path can leak on it",
      remedy: "run a kernel of 5.10 or later on gateway nodes")
  }

  static func zerotierDefault(_ network: ZeroTierNetworkID) -> Finding {
    Finding(
      code: "zerotier-default-route",
      message:
        "ZeroTier may send all of this host's own traffic through network \(network) (allowDefault, or a managed default route)",
      remedy: "zerotier-cli set \(network) allowDefault=0; the agent's own routes are not touched by it")
  }

  static func fight(with opponents: [String], isSlowed: Bool) -> Finding {
    let names = opponents.isEmpty ? "" : "; the last were " + opponents.joined(separator: ", ")
    let isNetworkd = opponents.contains(Opponents.networkd)
    return Finding(
      code: "fight",
      message: "somebody undoes the agent's repairs again and again\(names)"
        + (isSlowed ? "; they are made more slowly now" : ""),
      remedy: isNetworkd
        ? "let systemd-networkd keep what is not its own: ManageForeignRoutingPolicyRules=no and ManageForeignRoutes=no in networkd.conf, then restart it"
        : "find the other manager of these rules, routes or parameters and stop it")
  }

  static func listener(_ what: String, _ error: any Error) -> Finding {
    Finding(
      code: "listener-failed", message: "\(what): \(error)",
      remedy: "free the address or path, or change it in the configuration; the agent tries again by itself")
  }
}
