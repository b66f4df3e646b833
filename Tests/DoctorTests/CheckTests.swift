import Configuration
import Model
import Reconciliation
import Report
import Testing

@testable import Doctor

/// A host with one thing changed, and what the check of it then says.
struct Change: Sendable, CustomTestStringConvertible {
  let id: String
  let outcome: Judgement.Outcome
  /// Has to be in the evidence.
  let evidence: String
  /// Has to be in the remedy.
  let remedy: String
  let change: @Sendable (inout HostObservations) -> Void

  init(
    _ id: String, _ outcome: Judgement.Outcome, _ evidence: String, _ remedy: String = "",
    _ change: @escaping @Sendable (inout HostObservations) -> Void
  ) {
    (self.id, self.outcome, self.evidence, self.remedy, self.change) = (id, outcome, evidence, remedy, change)
  }

  var testDescription: String { "\(id) \(outcome): \(evidence)" }

  func expect(on healthy: HostObservations) throws {
    var host = healthy
    change(&host)
    let judgement = try #require(Diagnosis(host)[id])
    #expect(judgement.outcome == outcome, "\(judgement)")
    #expect(judgement.evidence.contains(evidence), "\(judgement)")
    #expect(judgement.remedy.contains(remedy), "\(judgement)")
    #expect(judgement.remedy.isEmpty == [.passed, .skipped].contains(outcome), "\(judgement)")
  }
}

@Suite("Each check")
struct CheckTests {
  @Test("passes on a host on which all is well, but for what was not configured")
  func healthy() {
    for host in [Hosts.gateway, Hosts.cloud] {
      let diagnosis = Diagnosis(host)
      #expect(diagnosis.checks(.failed).isEmpty && diagnosis.checks(.warned).isEmpty)
      let skipped = Set(diagnosis.checks(.skipped).map(\.id))
      #expect(
        skipped.isSubset(of: ["internet", "public-address", "nftables-owner", "exit-networks"]), "\(skipped)")
      #expect(diagnosis.traffic == .flows && diagnosis.leak == .none && diagnosis.exitStatus == 0)
      #expect(Set(diagnosis.checks.map(\.id)).count == diagnosis.checks.count)
    }
  }

  @Test("says what is wrong with a gateway, and the remedy", arguments: gatewayChanges)
  func gateway(_ change: Change) throws { try change.expect(on: Hosts.gateway) }

  @Test("says what is wrong with a cloud server, and the remedy", arguments: cloudChanges)
  func cloud(_ change: Change) throws { try change.expect(on: Hosts.cloud) }

  private static let gatewayChanges: [Change] =
    hostChanges + zerotierChanges + wayOutChanges + stateChanges + surroundingsChanges + leakChanges

  private static let hostChanges: [Change] = [
    Change("configuration", .warned, "exits are many", "liteboxd-agent check") {
      $0.configuration = .usable($0.configuration.inForce!, path: Hosts.path, warnings: ["exits are many"])
    },
    Change("configuration", .failed, "unknown key", "correct \(Hosts.path)") {
      $0.configuration = .lastGood($0.configuration.inForce!, path: Hosts.path, error: "unknown key")
    },
    Change("configuration", .failed, "no such file", "liteboxd-agent check") {
      $0.configuration = .none(path: Hosts.path, error: "no such file")
    },
    Change("configuration", .failed, "is outside", "correct") {
      var status = Hosts.status(.degraded)
      status.config.error = "10.9.9.9 is outside the tunnel's networks"
      $0.daemon = .known(.answers(status))
    },
    Change("privileges", .warned, "CAP_NET_RAW", "as root") {
      $0.missingPrivileges = ["CAP_NET_RAW is missing"]
    },
    Change("daemon", .failed, "no daemon is at /s", "systemctl start") {
      $0.daemon = .known(.absent(socket: "/s"))
    },
    Change("daemon", .failed, "no whole answer", "systemctl restart") {
      $0.daemon = .known(.silent(problem: "no whole answer in time"))
    },
    Change("daemon", .skipped, "needs root") { $0.daemon = .unknown("needs root") },
    Change("phase", .failed, "blocked, exit-unhealthy: no exit works; and 1 more", "see to it") {
      var status = Hosts.status(.blocked)
      status.reasons = [
        Finding(code: "exit-unhealthy", message: "no exit works", remedy: "see to it"),
        Finding(code: "x", message: "y", remedy: "z"),
      ]
      $0.daemon = .known(.answers(status))
    },
    Change("phase", .warned, "starting", "wait") { $0.daemon = .known(.answers(Hosts.status(.starting))) },
    Change("phase", .skipped, "no daemon") { $0.daemon = .known(.absent(socket: "/s")) },
    Change("guard-at-boot", .warned, "not installed", "liteboxd-agent guard") {
      $0.unit = .known(UnitReading(name: "g", isInstalled: false, isEnabled: false))
    },
    Change("guard-at-boot", .warned, "not enabled", "systemctl enable g") {
      $0.unit = .known(UnitReading(name: "g", isInstalled: true, isEnabled: false))
    },
    Change("old-setup", .warned, "zt-egress-route.service", "liteboxd-agent adopt") {
      $0.recipe = .known(["zt-egress-route.service"])
    },
    Change("kernel-version", .failed, "5.4.0", "5.10 or later") {
      $0.kernel = KernelReading(release: "5.4.0", isTooOld: true)
    },
    Change("clock", .warned, "nobody keeps", "timedatectl") { $0.isClockSynchronised = .known(false) },
  ]

  private static let zerotierChanges: [Change] = [
    Change("zerotier-service", .failed, "refuses connections", "start zerotier-one") {
      var reading = ZeroTierReading()
      reading.problem = Finding(
        code: "zerotier-api-refused", message: "ZeroTier's API refuses connections",
        remedy: "start zerotier-one")
      $0.zerotier = .known(reading)
      $0.daemon = .known(.absent(socket: "/s"))
    },
    Change("zerotier-service", .warned, "no whole answer", "hangs") {
      var reading = ZeroTierReading()
      reading.problem = Finding(code: "x", message: "no whole answer in time", remedy: "whether it hangs")
      $0.zerotier = .known(reading)
    },
    Change("zerotier-service", .skipped, "needs root") { $0.zerotier = .unknown("needs root") },
    Change("zerotier-online", .warned, "none of its roots", "UDP 9993") {
      var reading = Hosts.zerotier
      reading.node?.isOnline = false
      $0.zerotier = .known(reading)
    },
    Change("zerotier-network", .failed, "ACCESS_DENIED", "authorise this node") {
      $0.tunnel = .known(TunnelReading(Hosts.facts(.status("ACCESS_DENIED"))))
    },
    Change("zerotier-network", .failed, "NOT_FOUND", "zerotier.networkID") {
      $0.tunnel = .known(TunnelReading(Hosts.facts(.status("NOT_FOUND"))))
    },
    Change(
      "zerotier-network", .failed, "but 8056c2e21c000001 (ztother)", "zerotier-cli join a1b2c3d4e5f67890, or"
    ) {
      $0.tunnel = .known(TunnelReading(Hosts.facts(.notJoined)))
      var reading = Hosts.zerotier
      reading.joined = [
        .init(
          id: ZeroTierNetworkID("8056c2e21c000001")!, name: "", status: "OK",
          interface: InterfaceName("ztother"), mtu: 2800, mayTakeDefault: false)
      ]
      $0.zerotier = .known(reading)
    },
    Change("zerotier-interface", .failed, "no interface ztabcdefgh", "restart zerotier-one") {
      $0.tunnel = .known(TunnelReading(Hosts.facts(.ok, .missing(Hosts.tunnel))))
    },
    Change("zerotier-interface", .failed, "is down", "ip link set ztabcdefgh up") {
      let link = Link(index: Hosts.link.index, name: Hosts.tunnel, isUp: false, mtu: 2800)
      $0.tunnel = .known(
        TunnelReading(Hosts.facts(.ok, .present(link, addresses: [Hosts.address("10.147.17.1")]))))
    },
    Change("egress-ip", .failed, "10.147.17.1 is not on", "controller") {
      $0.tunnel = .known(TunnelReading(Hosts.facts(.ok, .present(Hosts.link, addresses: []))))
    },
    Change("zerotier-default-route", .warned, "allowDefault", "allowDefault=0") {
      var reading = Hosts.zerotier
      reading.network?.mayTakeDefault = true
      $0.zerotier = .known(reading)
    },
    Change("tunnel-mtu", .warned, "takes 9000 octets, the network 2800", "mtu 2800") {
      let link = Link(index: Hosts.link.index, name: Hosts.tunnel, isUp: true, mtu: 9000)
      $0.tunnel = .known(TunnelReading(Hosts.facts(.ok, .present(link, addresses: []))))
    },
    Change("tunnel-mtu", .warned, "only 1000", "MTU") {
      let link = Link(index: Hosts.link.index, name: Hosts.tunnel, isUp: true, mtu: 1000)
      $0.tunnel = .known(TunnelReading(Hosts.facts(.ok, .present(link, addresses: []))))
    },
    Change("exit-paths", .warned, "cloud-a are relayed", "UDP 9993") {
      $0.zerotier = .known(Hosts.zerotier(with: .none))
    },
    Change("exit-paths", .passed, "cloud-a without a path") {
      $0.zerotier = .known(Hosts.zerotier(with: .none))
      $0.exits = .known([ExitReading(name: "cloud-a", roundTrip: nil, problem: "silent")])
    },
  ]

  private static let wayOutChanges: [Change] = [
    Change("exit-networks", .failed, "cloud-x is not used", "gateway.exits") {
      $0.tunnel = .known(TunnelReading(Hosts.facts(), strangers: [("cloud-x", "10.9.9.9 is outside")]))
    },
    Change("exits", .failed, "no exit works: cloud-a: no answer", "ping its ZeroTier address") {
      $0.exits = .known([ExitReading(name: "cloud-a", roundTrip: nil, problem: "no answer")])
    },
    Change("exits", .warned, "no answer from cloud-b", "zerotier-one") {
      $0.exits = .known([
        ExitReading(name: "cloud-a", roundTrip: .milliseconds(1)),
        ExitReading(name: "cloud-b", roundTrip: nil),
      ])
    },
    Change("exits", .skipped, "no tunnel") { $0.exits = .unknown("there is no tunnel to ask them through") },
    Change("internet", .failed, "tcp://1.1.1.1:443", "the Internet behind it does not") {
      $0.targets = .known([TargetReading(name: "through the tunnel", problem: "tcp://1.1.1.1:443: timed out")]
      )
    },
    Change("internet", .passed, "tcp://1.1.1.1:443") {
      $0.targets = .known([TargetReading(name: "tcp://1.1.1.1:443", problem: nil)])
    },
    Change("forwarding", .failed, "ip_forward is 0", "sysctl -w net.ipv4.ip_forward=1") {
      $0.parameters.forwarding = 0
    },
    Change(
      "foreign-chains", .warned, "chain FORWARD of nftables table ip filter has policy drop", "DOCKER-USER"
    ) {
      $0.chains = .known([dockers])
    },
    Change("foreign-chains", .passed, "running: dockerd") { $0.firewallManagers = ["dockerd"] },
    Change("cilium-devices", .failed, "no program on ztabcdefgh", "zt+") {
      $0.cilium = .known(CiliumReading(links: ["cilium_host"], tunnelPrograms: .known(false)))
    },
    Change("cilium-devices", .skipped, "needs root") {
      $0.cilium = .known(CiliumReading(links: ["cilium_host"], tunnelPrograms: .unknown("needs root")))
    },
  ]

  fileprivate static let dockers = ForeignForwardChain(
    family: .ip, table: "filter", name: "FORWARD", ending: .dropPolicy, links: ["docker0"])

  private static let stateChanges: [Change] = [
    Change("rules", .failed, "pending: ip rule add priority 150", "journalctl") {
      $0.lose { $0.rules = [] }
    },
    Change("rules", .failed, "pending", "systemctl start liteboxd-agent") {
      $0.lose { $0.rules = [] }
      $0.daemon = .known(.absent(socket: "/s"))
    },
    Change("routes", .failed, "and 14 more", "liteboxd-agent plan") { $0.lose { $0.routes = [] } },
    Change("routes", .skipped, "EPERM") { host in
      var state = host.state.value!
      state.unreadable = [.route: "reading: EPERM"]
      host.state = .known(state)
    },
    Change("sysctls", .failed, "pending: sysctl -w net/ipv4/ip_forward=1", "refused") {
      $0.lose { $0.sysctls?[.ipv4Forwarding] = 0 }
    },
    Change("nftables", .failed, "pending", "plan") { $0.lose { $0.nftables = .absent } },
    Change("nftables-owner", .warned, "6.9", "newer kernel") { $0.hold(.none) },
    Change("nftables-owner", .passed, "the daemon's alone") { $0.hold(.another(port: 4711)) },
    Change("nftables-owner", .failed, "netlink port 4711", "stop that process") {
      $0.hold(.another(port: 4711))
      $0.daemon = .known(.absent(socket: "/s"))
    },
    Change("nftables-owner", .failed, "port 4711", "stop that process") {
      $0.hold(.another(port: 4711))
      var status = Hosts.status(.degraded)
      status.reasons = [.tableHeld(by: 4711)]
      $0.daemon = .known(.answers(status))
    },
    Change("nftables-owner", .passed, "nobody's") {
      $0.hold(.orphan)
      $0.daemon = .known(.absent(socket: "/s"))
    },
    Change("foreign-rules", .failed, "priority 100 from 10.147.17.1 lookup main", "move it behind") {
      $0.rules = .known([Hosts.rule(100)] + ($0.rules.value ?? []))
    },
    Change("foreign-rules", .passed, "none") {
      $0.rules = .known([Hosts.rule(200)] + ($0.rules.value ?? []))
    },
    Change("foreign-rules", .passed, "Cilium's doing") {
      let moved = RoutingRule(
        family: .ipv4, priority: RulePriority(rawValue: 100), selector: .init(), action: .lookup(.local),
        origin: .kernel)
      $0.rules = .known([moved] + ($0.rules.value ?? []))
    },
    Change("system-rules", .failed, "table main is gone", "ip rule add priority 32766 lookup main") {
      $0.rules = .known(($0.rules.value ?? []).filter { $0.action != .lookup(.main) })
    },
    Change("system-rules", .failed, "table local is gone", "priority 0 lookup local") {
      $0.rules = .known(($0.rules.value ?? []).filter { $0.action != .lookup(.local) })
    },
  ]

  private static let surroundingsChanges: [Change] = [
    Change("reverse-path", .failed, "strict on ztabcdefgh (all 1, its own 0)", "ztabcdefgh.rp_filter=2") {
      $0.parameters.reversePath = ["all": 1, "ztabcdefgh": 0]
    },
    Change("reverse-path", .passed, "2 on ztabcdefgh") { $0.parameters.reversePath["all"] = 1 },
    Change("reverse-path", .warned, "cilium_host, lxc1", "all.rp_filter=2") {
      $0.parameters.reversePath["lxc1"] = 1
      $0.parameters.reversePath["cilium_host"] = 1
    },
    Change("conntrack", .warned, "80%", "nf_conntrack_max=2000") { $0.parameters.conntrackCount = 800 },
    Change("conntrack", .failed, "new flows are dropped", "conntrack -L") {
      $0.parameters.conntrackCount = 990
    },
    Change("conntrack", .skipped, "not loaded") { $0.parameters.conntrackLimit = nil },
    Change("networkd", .warned, "removes rules and routes", "ManageForeignRoutes=no below") {
      $0.networkd = NetworkdSettings(["[Network]\nManageForeignRoutingPolicyRules=no"])
    },
    Change("networkd", .skipped, "does not run") { $0.networkd = nil },
    Change("network-manager", .warned, "may manage", "interface-name:zt*") {
      $0.networkManager = NetworkManagerReading(leavesTunnelsAlone: false)
    },
  ]

  private static let leakChanges: [Change] = [
    Change("leak-lookup", .failed, "LEAK: from 10.147.17.1 to 8.8.8.8 leads out by eth0", "plan") {
      $0.lookups = .known([LookupReading(from: Hosts.egress, to: IPAddress("8.8.8.8")!, .link(Hosts.uplink))])
    },
    Change("leak-lookup", .failed, "LEAK", "move it behind") {
      $0.lookups = .known([LookupReading(from: Hosts.egress, to: IPAddress("8.8.8.8")!, .link(Hosts.uplink))])
      $0.rules = .known([Hosts.rule(100)] + ($0.rules.value ?? []))
    },
    Change("leak-lookup", .passed, "1 lookup: dropped (EINVAL)") {
      $0.lookups = .known([LookupReading(from: Hosts.egress, to: IPAddress("8.8.8.8")!, .dropped("EINVAL"))])
    },
    Change("leak-lookup", .skipped, "not on this host") {
      $0.lookups = .known([LookupReading(from: Hosts.egress, to: Hosts.egress, .failed("not on this host"))])
    },
    Change("leak-packet", .failed, "left by eth0 as 10.147.17.1", "liteboxd-agent guard closes it") {
      $0.packet = .known(Hosts.packet([.init(Hosts.uplink, from: Hosts.egress)]))
      $0.daemon = .known(.absent(socket: "/s"))
    },
    Change("leak-packet", .failed, "left by eth0 as 198.51.100.10", "plan") {
      $0.packet = .known(Hosts.packet([.init(Hosts.uplink, from: IPAddress("198.51.100.10")!)]))
    },
    Change("leak-packet", .passed, "was refused: EINVAL") {
      $0.packet = .known(Hosts.packet([], refusal: "EINVAL"))
    },
    Change("leak-packet", .passed, "left by no link") { $0.packet = .known(Hosts.packet([])) },
    Change("leak-packet", .skipped, "needs root") { $0.packet = .unknown("needs root") },
  ]

  private static let cloudChanges: [Change] = [
    Change("foreign-chains", .failed, "has policy drop", "DOCKER-USER") { $0.chains = .known([dockers]) },
    Change("zerotier-address", .failed, "has 172.27.5.1/24, and none in cloud.sources", "make cloud.sources")
    {
      $0.tunnel = .known(
        TunnelReading(Hosts.facts(.ok, .present(Hosts.link, addresses: [Hosts.address("172.27.5.1")]))))
    },
    Change("zerotier-address", .failed, "no IPv4 address", "controller") {
      $0.tunnel = .known(TunnelReading(Hosts.facts(.ok, .present(Hosts.link, addresses: []))))
    },
    Change("wan", .failed, "no default route", "add a default route") {
      $0.wan = .known(WANReading(wan: nil, wanted: nil, link: nil, hasDefaultRoute: false))
    },
    Change("wan", .failed, "has no carrier", "other end") { host in
      let link = Link(
        index: Hosts.wanLink.index, name: Hosts.uplink, isUp: true, hasCarrier: false, mtu: 1500)
      host.wan = .known(
        WANReading(wan: host.wan.value?.wan, wanted: nil, link: link, hasDefaultRoute: true))
    },
    Change("wan", .warned, "no default route through eth0", "cloud.wanInterface") { host in
      host.wan = .known(
        WANReading(wan: host.wan.value?.wan, wanted: nil, link: Hosts.wanLink, hasDefaultRoute: false))
    },
    Change("wan", .failed, "cloud.sources contains", "ZeroTier network alone") {
      let wan = WAN(name: Hosts.uplink, addresses: [Hosts.address("10.147.17.9")])
      $0.wan = .known(WANReading(wan: wan, wanted: nil, link: Hosts.wanLink, hasDefaultRoute: true))
    },
    Change("source-nat", .warned, "not on eth0", "cloud.snat") {
      var settings = Hosts.cloudSettings
      settings.snat = .fixed(IPAddress("203.0.113.99")!)
      $0.configuration = .usable(
        AgentConfiguration(role: .cloud(settings), zerotier: ZeroTierSettings(networkID: Hosts.network)),
        path: Hosts.path, warnings: [])
    },
    Change("source-nat", .failed, "no IPv4 address", "cloud.snat") {
      let wan = WAN(name: Hosts.uplink, addresses: [])
      $0.wan = .known(WANReading(wan: wan, wanted: nil, link: Hosts.wanLink, hasDefaultRoute: true))
    },
    Change("source-nat", .passed, "behind another's NAT") {
      let wan = WAN(name: Hosts.uplink, addresses: [Hosts.address("192.168.1.5")])
      $0.wan = .known(WANReading(wan: wan, wanted: nil, link: Hosts.wanLink, hasDefaultRoute: true))
    },
    Change("tunnel-mtu", .warned, "not clamped", "cloud.mss: clamp") {
      var settings = Hosts.cloudSettings
      settings.clampMSS = .off
      $0.configuration = .usable(
        AgentConfiguration(role: .cloud(settings), zerotier: ZeroTierSettings(networkID: Hosts.network)),
        path: Hosts.path, warnings: [])
    },
    Change("internet", .failed, "does not answer", "cloud.probe.through") {
      $0.targets = .known([TargetReading(name: "", problem: "tcp://1.1.1.1:443: timed out")])
    },
    Change("leak-packet", .failed, "left by eth0 as 10.147.17.1", "plan") {
      $0.packet = .known(Hosts.packet([.init(Hosts.uplink, from: Hosts.egress)]))
    },
  ]
}

extension HostObservations {
  /// The kernel holds something else than desired.
  fileprivate mutating func lose(_ change: (inout ObservedState) -> Void) {
    guard let state = state.value else { return }
    var observed = state.observed
    change(&observed)
    self.state = .known(
      StateReading(
        desired: state.desired, observed: observed,
        plan: Plan(from: observed, to: state.desired, as: .onlooker)))
  }

  fileprivate mutating func hold(_ ownership: ObservedNftablesTable.Ownership) {
    lose { $0.nftables = .present(ObservedNftablesTable(ownership: ownership, comment: "")) }
  }
}
