/// A check that can be made.
struct Examination: Sendable {
  /// Which hosts it is for.
  enum Scope: Sendable {
    /// Any, also one without a usable configuration.
    case host
    case configured, gateway, cloud
  }

  let id: String
  /// What is right when it passes.
  let title: String
  let scope: Scope
  let judge: @Sendable (HostObservations) -> Judgement

  init(
    _ id: String, _ title: String, _ scope: Scope,
    _ judge: @escaping @Sendable (HostObservations) -> Judgement
  ) {
    self.id = id
    self.title = title
    self.scope = scope
    self.judge = judge
  }

  /// Those that answer whether anything leaks.
  static let leakTests: Set<String> = ["leak-lookup", "leak-packet"]
  /// Those that repeat what others find.
  static let summaries: Set<String> = ["phase"]

  static let all = before + zerotier + wayOut + state + surroundings + after

  private static let before: [Examination] = [
    .init("configuration", "The configuration can be used", .host) { $0.configurationJudgement },
    .init("privileges", "All of the host can be looked at", .host) { $0.privilegesJudgement },
    .init("kernel-version", "The kernel honours rules on every path", .host) { $0.kernelJudgement },
  ]

  private static let zerotier: [Examination] = [
    .init("zerotier-service", "ZeroTier's API answers", .configured) { $0.zerotierServiceJudgement },
    .init("zerotier-network", "The network is joined and lets this host in", .configured) {
      $0.zerotierNetworkJudgement
    },
    .init("zerotier-interface", "The network's interface is there and up", .configured) {
      $0.interfaceJudgement
    },
    .init("egress-ip", "The egress IP is on it", .gateway) { $0.addressJudgement },
    .init("zerotier-address", "This server has an address among its sources", .cloud) {
      $0.addressJudgement
    },
    .init("zerotier-online", "ZeroTier reaches its roots", .configured) { $0.zerotierOnlineJudgement },
    .init("zerotier-default-route", "ZeroTier leaves the default route alone", .configured) {
      $0.defaultRouteJudgement
    },
    .init("tunnel-mtu", "The tunnel takes packets of the right size", .configured) { $0.mtuJudgement },
  ]

  private static let wayOut: [Examination] = [
    .init("exit-networks", "Exits are in the tunnel's networks", .gateway) { $0.exitNetworksJudgement },
    .init("exits", "Exits answer through the tunnel", .gateway) { $0.exitsJudgement },
    .init("exit-paths", "Packets go to the exits directly", .gateway) { $0.pathsJudgement },
    .init("wan", "There is a way to the Internet", .cloud) { $0.wanJudgement },
    .init("source-nat", "Packets leave as this server", .cloud) { $0.translationJudgement },
    .init("forwarding", "The kernel forwards", .configured) { $0.forwardingJudgement },
    .init("foreign-chains", "No firewall drops what is forwarded", .configured) { $0.chainsJudgement },
    .init("cilium-devices", "Cilium is attached to the tunnel", .gateway) { $0.ciliumJudgement },
    .init("internet", "The Internet answers", .configured) { $0.internetJudgement },
    .init("public-address", "The Internet sees the right address", .gateway) { $0.publicAddressJudgement },
  ]

  private static let state: [Examination] = [
    .init("foreign-rules", "No foreign rule is asked before the agent's", .gateway) {
      $0.foreignRulesJudgement
    },
    .init("foreign-routes", "No route of table local leads past the tunnel", .gateway) {
      $0.foreignRoutesJudgement
    },
    .init("nftables-owner", "The nftables table is the agent's alone", .configured) { $0.ownerJudgement },
    .init("reverse-path", "Reverse path filtering lets answers pass", .configured) {
      $0.reversePathJudgement
    },
    .init("daemon", "The daemon runs and answers", .host) { $0.daemonJudgement },
    .init("rules", "The agent's rules are as wanted", .gateway) { $0.rulesJudgement },
    .init("routes", "The agent's routes are as wanted", .gateway) { $0.routesJudgement },
    .init("nftables", "The agent's nftables table is as wanted", .configured) { $0.nftablesJudgement },
    .init("sysctls", "Kernel parameters are as wanted", .configured) { $0.sysctlsJudgement },
    .init("system-rules", "The system's own rules are there", .host) { $0.systemRulesJudgement },
    .init("phase", "The daemon lets traffic through", .host) { $0.phaseJudgement },
  ]

  private static let surroundings: [Examination] = [
    .init("conntrack", "Connection tracking has room", .host) { $0.conntrackJudgement },
    .init("clock", "The clock is kept right", .host) { $0.clockJudgement },
    .init("networkd", "systemd-networkd keeps what is not its own", .host) { $0.networkdJudgement },
    .init("network-manager", "NetworkManager leaves ZeroTier's links alone", .host) {
      $0.networkManagerJudgement
    },
    .init("guard-at-boot", "The guard blocks before there is a network", .host) { $0.guardUnitJudgement },
    .init("old-setup", "Nothing is left of a set-up by hand", .host) { $0.recipeJudgement },
  ]

  private static let after: [Examination] = [
    .init("leak-lookup", "No lookup leads past the tunnel", .gateway) { $0.lookupJudgement },
    .init("leak-packet", "A packet does not leave past the tunnel", .configured) { $0.packetJudgement },
  ]
}
