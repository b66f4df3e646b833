import Configuration
import Model
import Reconciliation
import Report
import Testing

@testable import Doctor

// Hosts whose kernel is not as it should be.

extension Change {
  static let stateChanges: [Change] = [
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
    Change("foreign-routes", .failed, "8.8.8.8 via 198.51.100.1 dev if2 table local", "ip route del") {
      let hop = Route.Kind.gateway(IPAddress("198.51.100.1")!, via: Hosts.wanLink.index)
      let key = Route.Key(table: .local, destination: CIDR(IPAddress("8.8.8.8")!))
      $0.localRoutes = .known([Route(key, .init(hop, origin: .boot))])
    },
    Change("system-rules", .failed, "table main is gone", "ip rule add priority 32766 lookup main") {
      $0.rules = .known(($0.rules.value ?? []).filter { $0.action != .lookup(.main) })
    },
    Change("system-rules", .failed, "table local is gone", "priority 0 lookup local") {
      $0.rules = .known(($0.rules.value ?? []).filter { $0.action != .lookup(.local) })
    },
  ]

  static let surroundingsChanges: [Change] = [
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

  static let leakChanges: [Change] = [
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
