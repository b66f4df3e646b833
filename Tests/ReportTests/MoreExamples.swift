import Model
import Report

extension Example {
  /// Traffic flows by the standby exit, the file is broken, and someone else is in the way.
  static var refusedFile: AgentStatus {
    var status = gateway
    status.phase = .degraded
    status.phaseSince = Timestamp(secondsSinceEpoch: now.secondsSinceEpoch - 125)
    status.reasons = [
      Finding(
        code: "exit-standby", message: "cloud-a does not answer; traffic goes by cloud-b.",
        remedy: "Look at cloud-a: `liteboxd-agent status` there, and its provider's console."),
      Finding(
        code: "config-refused", message: "/etc/liteboxd/agent.yaml was refused.",
        remedy: "Correct it, see `liteboxd-agent check`, then `liteboxd-agent reload`."),
    ]
    status.exits[0].healthy = false
    status.exits[0].health = .unhealthy
    status.exits[0].active = false
    status.exits[0].healthSince = status.phaseSince
    status.exits[0].rttHistorySeconds = history(60) { $0 < 48 ? 0.012 : nil }
    status.exits[0].lossRatio = 1
    status.exits[0].path = .unknown
    status.exits[0].problem = "tcp://1.1.1.1:443 does not answer: no answer in time"
    status.exits[0].checks[1] = CheckStatus(
      check: "through", health: .unhealthy, problem: status.exits[0].problem)
    status.exits[1].active = true
    status.exits[1].pinned = true
    status.config.error =
      "/etc/liteboxd/agent.yaml:14:3: unknown key \"egresIP\"; the nearest valid one is \"egressIP\""
    status.zerotier.apiReachable = false
    status.zerotier.online = false
    status.reconcile.failures = 1
    status.warnings = [
      Finding(
        code: "foreign-forward-drop",
        message: "chain FORWARD of nftables table ip filter has policy drop and no rule for ztabcdefgh.",
        remedy:
          "Accept what comes from and goes to ztabcdefgh there, for example with `iptables -I DOCKER-USER`.")
    ]
    return status
  }

  /// ZeroTier has turned the node away, and its interface is gone.
  static var noWayOut: AgentStatus {
    var status = gateway
    status.phase = .blocked
    status.tunnelUp = false
    status.phaseSince = Timestamp(secondsSinceEpoch: now.secondsSinceEpoch - 100_000)
    status.reasons = [
      Finding(
        code: "zerotier-access-denied", message: "network a1b2c3d4e5f67890 does not admit this node.",
        remedy: "Authorise node 89e92ceee5 at the network's controller.")
    ]
    status.zerotier.networkStatus = "ACCESS_DENIED"
    status.zerotier.interface = nil
    status.zerotier.interfaceIndex = nil
    status.zerotier.addresses = []
    for index in status.exits.indices {
      status.exits[index].healthy = false
      status.exits[index].health = .unhealthy
      status.exits[index].active = false
      status.exits[index].rttSeconds = nil
      status.exits[index].rttHistorySeconds = Array(repeating: nil, count: 60)
    }
    status.kernel.inSync = false
    status.kernel.objects[1].observed = 15
    return status
  }

  /// Nothing is known yet.
  static var firstMoment: AgentStatus {
    AgentStatus(build: build, role: .gateway, startedAt: now, configPath: "/etc/liteboxd/agent.yaml")
  }

  static var cloudServer: AgentStatus {
    var status = gateway
    status.role = .cloud
    status.exits = []
    status.wan = WANStatus(
      interface: InterfaceName("eth0")!, addresses: ["203.0.113.50/24", "2001:db8::50/64"])
    status.wan?.gateway = IPAddress("203.0.113.1")
    status.wan?.answers = true
    status.wan?.roundTripSeconds = 0.0042
    status.gateways = [
      gateway("10.147.17.1", seen: 3, sent: (1_204, 812_345), received: (9_001, 12_345_678_901)),
      gateway("10.147.17.9", seen: 0, sent: (2, 168), received: (0, 0)),
    ]
    status.drift = DriftStatus()
    status.traffic.forwarded.out = .init(packets: 1_206, bytes: 812_513)
    status.traffic.forwarded.in = .init(packets: 9_001, bytes: 12_345_678_901)
    status.guardDrops = [
      GuardDrop(guardName: "foreign-source", packets: 1),
      GuardDrop(guardName: "private-destination", packets: 7),
    ]
    return status
  }

  private static func gateway(
    _ address: String, seen: Int, sent: (Int, Int), received: (Int, Int)
  ) -> GatewayTraffic {
    GatewayTraffic(
      address: IPAddress(address)!, lastSeenSeconds: seen,
      lastSeenAt: Timestamp(secondsSinceEpoch: now.secondsSinceEpoch - Int64(seen)),
      sent: .init(packets: sent.0, bytes: sent.1), received: .init(packets: received.0, bytes: received.1))
  }

  /// Nobody answers any more by the WAN, and many gateways wait for it.
  static var silentWAN: AgentStatus {
    var status = cloudServer
    let problem = "tcp://1.1.1.1:443: no answer in time; tcp://8.8.8.8:443: no answer in time"
    status.phase = .degraded
    status.wan?.gateway = nil
    status.wan?.answers = false
    status.wan?.roundTripSeconds = nil
    status.wan?.problem = problem
    status.traffic.connections?.entries = 250_000
    status.guardDrops = status.guardDrops.map { GuardDrop(guardName: $0.guardName, packets: 0) }
    status.reasons = [
      Finding(
        code: "wan-unanswered", message: "nobody of cloud.probe.through answers by eth0: \(problem)",
        remedy: "see to this server's router, provider and firewall, or correct cloud.probe.through")
    ]
    status.gateways = (1...30).map {
      gateway("10.147.17.\($0)", seen: $0 * 119, sent: (9, 999_949 / $0), received: (9, 2_000_000 / $0))
    }
    return status
  }

  /// Every string that somebody else could choose, chosen badly.
  static var hostileNames: AgentStatus {
    var status = refusedFile
    let clear = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\nfake line \"quoted\" \\ 'x'"
    status.version = "0.1.0\n"
    status.exits[0].name = "cloud\n\"a\"}\u{202e}\u{9b}31m"
    status.exits[1].name = "東京のとても長い名前のサーバー東京のとても長い名前のサーバー"
    var third = ExitStatus(
      name: "e\u{301}\u{301}\u{301}\u{301}", address: IPAddress("fd12:3456:789a:bcde:f012:3456:789a:bcde")!)
    third.rttSeconds = 12.3456
    third.rttHistorySeconds = [-1, 0, nil, 12.3456]
    third.lossRatio = 0.001
    third.problem = clear
    status.exits.append(third)
    status.zerotier.networkStatus = clear
    status.zerotier.interface = InterfaceName("zt;reboot\u{1b}[m")
    status.zerotier.addresses = ["\u{200b}10.147.17.1/24"]
    let long = String(repeating: "long", count: 40)
    status.kernel.objects.append(ObjectCount(kind: "tab\tkind\u{0}", desired: 1, observed: 2))
    status.kernel.objects.append(ObjectCount(kind: long, desired: 1, observed: 1))
    status.guardDrops[0].guardName = "gu\"ard\\\n"
    status.config.path = "/etc/\u{feff}lite\u{2028}boxd.yaml"
    status.config.error = String(repeating: "\u{1}", count: 1_024)
    status.warnings[0].code = "code\u{1b}[31m"
    status.warnings[0].message = clear + String(repeating: "界", count: 100)
    status.warnings[0].remedy = "👩\u{200d}💻 \u{e000}\u{10ffff}"
    return status
  }
}
