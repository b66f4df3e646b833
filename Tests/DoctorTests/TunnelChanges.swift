import Configuration
import Model
import Reconciliation
import Report
import Testing

@testable import Doctor

// Hosts whose agent, or whose ZeroTier, is not as it should be.

extension Change {
  static let hostChanges: [Change] = [
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
    Change("phase", .failed, "blocked for 0s, exit-unhealthy: no exit works; and 1 more", "see to it") {
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

  static let zerotierChanges: [Change] = [
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
    Change("zerotier-interface", .skipped, "not joined") {
      $0.tunnel = .known(TunnelReading(Hosts.facts(.notJoined, .unnamed)))
    },
    Change("zerotier-interface", .failed, "not known yet", "zerotier.interface") {
      $0.tunnel = .known(TunnelReading(Hosts.facts(.ok, .unnamed)))
    },
    Change("zerotier-interface", .failed, "is down", "ip link set ztabcdefgh up") {
      let link = Link(index: Hosts.link.index, name: Hosts.tunnel, isUp: false, mtu: 2800)
      $0.tunnel = .known(
        TunnelReading(Hosts.facts(.ok, .present(link, addresses: [Hosts.address("10.147.17.1")]))))
    },
    Change("egress-ip", .failed, "10.147.17.1 is not on", "controller") {
      $0.tunnel = .known(TunnelReading(Hosts.facts(.ok, .present(Hosts.link, addresses: []))))
    },
    Change("egress-ip", .failed, "allowManaged is off", "zerotier-cli set a1b2c3d4e5f67890 allowManaged=1") {
      $0.tunnel = .known(TunnelReading(Hosts.facts(.ok, .present(Hosts.link, addresses: []))))
      var reading = Hosts.zerotier
      reading.network?.withholding = .managed
      $0.zerotier = .known(reading)
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
}
