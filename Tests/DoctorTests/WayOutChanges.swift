import Configuration
import Model
import Reconciliation
import Report
import Testing

@testable import Doctor

// Hosts between the tunnel and the Internet.

extension Change {
  static let wayOutChanges: [Change] = [
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
    Change("forwarding", .failed, "off on ztabcdefgh", "sysctl -w net.ipv4.conf.ztabcdefgh.forwarding=1") {
      $0.parameters.linkForwarding["ztabcdefgh"] = 0
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

  static let dockers = ForeignForwardChain(
    family: .ip, table: "filter", name: "FORWARD", ending: .dropPolicy, links: ["docker0"])

  static let cloudChanges: [Change] = [
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
