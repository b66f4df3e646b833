import Model
import Report

/// The statuses that the golden files show.
enum Example: String, CaseIterable, Sendable {
  case ready
  case degraded
  case blocked
  case starting
  case cloud
  case cloudInTrouble
  case hostile

  var status: AgentStatus {
    switch self {
    case .ready: Example.gateway
    case .degraded: Example.refusedFile
    case .blocked: Example.noWayOut
    case .starting: Example.firstMoment
    case .cloud: Example.cloudServer
    case .cloudInTrouble: Example.silentWAN
    case .hostile: Example.hostileNames
    }
  }

  static let build = BuildIdentity(version: "0.1.0", commit: "4f2a9c1")
  /// 2026-11-21T09:00:00Z
  static let start = Timestamp(secondsSinceEpoch: 1_795_251_600)
  /// 3 h 12 min later.
  static let now = Timestamp(secondsSinceEpoch: 1_795_263_120)

  private static func exit(_ name: String, _ address: String) -> ExitStatus {
    ExitStatus(name: name, address: IPAddress(address)!)
  }

  static func history(_ count: Int, _ sample: (Int) -> Double?) -> [Double?] { (0..<count).map(sample) }

  /// A gateway on which all is well.
  static var gateway: AgentStatus {
    var status = AgentStatus(
      build: build, role: .gateway, startedAt: start, configPath: "/etc/liteboxd/agent.yaml")
    status.phase = .ready
    status.tunnelUp = true
    status.config.sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    status.config.loadedAt = start
    status.zerotier.apiReachable = true
    status.zerotier.networkStatus = "OK"
    status.zerotier.interface = InterfaceName("ztabcdefgh")
    status.zerotier.interfaceIndex = InterfaceIndex(rawValue: 7)
    status.zerotier.addresses = ["10.147.17.1/24"]
    status.zerotier.online = true
    status.exits = [preferred, standby]
    status.kernel.inSync = true
    status.kernel.objects = [
      ObjectCount(kind: "rule", desired: 4, observed: 4),
      ObjectCount(kind: "route", desired: 16, observed: 16),
      ObjectCount(kind: "nftables", desired: 9, observed: 9),
      ObjectCount(kind: "sysctl", desired: 2, observed: 2),
    ]
    status.reconcile.total = 12
    status.reconcile.lastDurationSeconds = 0.0009
    status.reconcile.lastAt = Timestamp(secondsSinceEpoch: now.secondsSinceEpoch - 21)
    status.drift.repairedTotal = 3
    status.drift.lastRepairSeconds = 0.0006
    status.drift.lastRepairAt = Timestamp(secondsSinceEpoch: now.secondsSinceEpoch - 242)
    status.drift.repaired = [
      RepairedObjects(kind: "route", count: 1), RepairedObjects(kind: "rule", count: 2),
    ]
    status.traffic.tunnel.out = .init(packets: 120_400, bytes: 81_234_567)
    status.traffic.tunnel.in = .init(packets: 900_100, bytes: 1_234_567_890)
    status.traffic.connections = .init(entries: 1_840, limit: 262_144)
    status.guardDrops = [
      GuardDrop(guardName: "output", packets: 0), GuardDrop(guardName: "forward", packets: 42),
    ]
    return status
  }

  private static var preferred: ExitStatus {
    var exit = exit("cloud-a", "10.147.17.2")
    exit.healthy = true
    exit.health = .healthy
    exit.active = true
    exit.healthSince = start
    exit.rttSeconds = 0.0121
    exit.rttHistorySeconds = history(60) { place in
      place % 17 == 5 ? 0.031 : 0.0118 + Double(place % 7) / 5_000
    }
    exit.lossRatio = 0
    exit.path = .direct
    exit.checks = [
      CheckStatus(check: "echo", health: .healthy, problem: nil),
      CheckStatus(check: "through", health: .healthy, problem: nil),
      CheckStatus(check: "publicAddress", health: .healthy, problem: nil),
    ]
    exit.throughSeconds = 0.0241
    exit.publicAddress = IPAddress("203.0.113.50")
    var peer = PeerStatus(nodeID: ZeroTierNodeID("89e92ceee5")!)
    peer.address = "198.51.100.20:9993"
    peer.latencySeconds = 0.012
    peer.lastSeenSeconds = 3.5
    peer.version = "1.14.1"
    exit.zerotier = peer
    return exit
  }

  private static var standby: ExitStatus {
    var exit = exit("cloud-b", "10.147.17.3")
    exit.healthy = true
    exit.health = .suspect
    exit.healthSince = Timestamp(secondsSinceEpoch: now.secondsSinceEpoch - 95)
    exit.rttSeconds = 0.048
    exit.rttHistorySeconds = history(24) { place in
      place % 8 == 7 ? nil : 0.04 + Double(place % 5) / 50
    }
    exit.lossRatio = 0.125
    exit.path = .relayed
    exit.problem = "no answer to ICMP echo within 1000 ms"
    exit.checks = [CheckStatus(check: "echo", health: .suspect, problem: exit.problem)]
    exit.lateAnswers = 2
    exit.duplicateAnswers = 1
    var peer = PeerStatus(nodeID: ZeroTierNodeID("c81f0a3d52")!)
    peer.relayedSeconds = 93
    exit.zerotier = peer
    return exit
  }
}
