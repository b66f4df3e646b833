import Configuration
import Model
import Reconciliation
import Report

@testable import Doctor

/// Hosts on which all is well, to be broken one thing at a time.
enum Hosts {
  static let network = ZeroTierNetworkID(rawValue: 0xa1b2_c3d4_e5f6_7890)
  static let egress = IPAddress("10.147.17.1")!
  static let exit = Exit(
    name: "cloud-a", address: IPAddress("10.147.17.2")!, nodeID: ZeroTierNodeID("89e92ceee5"))
  static let tunnel = InterfaceName("ztabcdefgh")!
  static let uplink = InterfaceName("eth0")!
  static let link = Link(index: InterfaceIndex(rawValue: 7), name: tunnel, isUp: true, mtu: 2800)
  static let wanLink = Link(index: InterfaceIndex(rawValue: 2), name: uplink, isUp: true, mtu: 1500)
  static let path = "/etc/liteboxd/agent.yaml"

  static let gatewaySettings = GatewaySettings(egressIP: egress, exits: [exit])
  static let cloudSettings = CloudSettings(sources: [try! CIDR(parsing: "10.147.17.0/24")])

  static func address(_ text: String, on link: Link = link) -> InterfaceAddress {
    InterfaceAddress(interface: link.index, address: IPAddress(text)!, prefixLength: 24)
  }

  static func facts(_ word: NetworkWord = .ok, _ interface: InterfaceState? = nil) -> GateFacts {
    GateFacts(
      network: network, word: word, apiProblem: nil,
      interface: interface ?? .present(link, addresses: [address("10.147.17.1")]),
      networks: [try! CIDR(parsing: "10.147.17.0/24")])
  }

  static var zerotier: ZeroTierReading {
    var reading = ZeroTierReading()
    reading.node = .init(address: ZeroTierNodeID("89e92ceee1")!, isOnline: true, version: "1.14.1")
    reading.network = .init(
      id: network, name: "egress", status: "OK", interface: tunnel, mtu: 2800, mayTakeDefault: false)
    reading.joined = reading.network.map { [$0] }
    return reading
  }

  static func status(_ phase: Phase = .ready, _ role: Report.RoleName = .gateway) -> AgentStatus {
    var status = AgentStatus(
      build: BuildIdentity(version: "0.1.0", commit: "4f2a9c1"), role: role,
      startedAt: Timestamp(secondsSinceEpoch: 0), configPath: path)
    status.phase = phase
    status.tunnelUp = phase == .ready || phase == .degraded
    return status
  }

  /// As desired, whatever that is.
  static func state(_ desired: DesiredState) -> StateReading {
    var observed = ObservedState()
    observed.rules = desired.rules.map { ObservedRule($0, dump: []) }
    observed.routes = desired.tables.values.joined().map { ObservedRoute($0, dump: []) }
    observed.sysctls = Dictionary(uniqueKeysWithValues: desired.sysctls.map { ($0.key, $0.value) })
    return StateReading(
      desired: desired, observed: observed, plan: Plan(from: observed, to: desired, as: .onlooker))
  }

  static var systemRules: [RoutingRule] {
    [(0, RoutingTableID.local), (32766, .main), (32767, .default)].map { priority, table in
      RoutingRule(
        family: .ipv4, priority: RulePriority(rawValue: priority), selector: .init(), action: .lookup(table),
        origin: .kernel)
    }
  }

  private static func common(_ role: Role) -> HostObservations {
    var host = HostObservations(
      .usable(
        AgentConfiguration(role: role, zerotier: ZeroTierSettings(networkID: network)), path: path,
        warnings: []))
    host.unit = .known(UnitReading(name: "liteboxd-agent-guard.service", isInstalled: true, isEnabled: true))
    host.recipe = .known([])
    host.zerotier = .known(zerotier)
    host.parameters.forwarding = 1
    host.parameters.linkForwarding = ["eth0": 1, "ztabcdefgh": 1]
    host.parameters.reversePath = ["all": 0, "eth0": 1, "ztabcdefgh": 2]
    host.parameters.conntrackCount = 100
    host.parameters.conntrackLimit = 1000
    host.chains = .known([])
    host.networkd = NetworkdSettings(["[Network]\nManageForeignRoutingPolicyRules=no\nManageForeignRoutes=no"]
    )
    host.networkManager = NetworkManagerReading(leavesTunnelsAlone: true)
    host.kernel = KernelReading(release: "6.18.0", isTooOld: false)
    host.isClockSynchronised = .known(true)
    return host
  }

  static var gateway: HostObservations {
    var host = common(.gateway(gatewaySettings))
    let desired = DesiredState(
      .open([exit], tunnel: Tunnel(link)), gatewaySettings, network: network,
      networks: [try! CIDR(parsing: "10.147.17.0/24")])
    host.daemon = .known(.answers(status()))
    host.tunnel = .known(TunnelReading(facts()))
    host.zerotier = .known(zerotier(with: .direct("192.0.2.20:9993")))
    host.exits = .known([ExitReading(name: "cloud-a", roundTrip: .milliseconds(12))])
    host.state = .known(state(desired))
    host.rules = .known(systemRules + desired.rules)
    host.localRoutes = .known([])
    host.cilium = .known(CiliumReading(links: ["cilium_host"], tunnelPrograms: .known(true)))
    host.lookups = .known([LookupReading(from: egress, to: IPAddress("8.8.8.8")!, .link(tunnel))])
    host.packet = .known(packet([.init(tunnel, from: egress)]))
    return host
  }

  static func zerotier(with path: ZeroTierReading.Peer.Path) -> ZeroTierReading {
    var reading = zerotier
    reading.peers = [.init(exit: "cloud-a", path: path)]
    return reading
  }

  static func packet(_ sightings: [PacketReading.Sighting], refusal: String? = nil) -> PacketReading {
    PacketReading(from: egress, to: IPAddress("192.0.2.1")!, sightings: sightings, refusal: refusal)
  }

  static var cloud: HostObservations {
    var host = common(.cloud(cloudSettings))
    let wan = WAN(name: uplink, addresses: [address("203.0.113.50", on: wanLink)])
    let tunnelAddress = address("10.147.17.2")
    let desired = DesiredState(
      .open(tunnel: Tunnel(link), wan: wan), cloudSettings, network: network, CloudSurroundings(networks: []))
    host.daemon = .known(.answers(status(.ready, .cloud)))
    host.tunnel = .known(TunnelReading(facts(.ok, .present(link, addresses: [tunnelAddress]))))
    host.wan = .known(WANReading(wan: wan, wanted: nil, link: wanLink, hasDefaultRoute: true))
    host.state = .known(state(desired))
    host.rules = .known(systemRules)
    host.packet = .known(packet([.init(uplink, from: IPAddress("203.0.113.50")!)]))
    return host
  }

  static func rule(_ priority: UInt32, from source: String = "10.147.17.1/32") -> RoutingRule {
    RoutingRule(
      family: .ipv4, priority: RulePriority(rawValue: priority),
      selector: .init(source: try! CIDR(parsing: source)), action: .lookup(.main), origin: .boot)
  }
}

extension Diagnosis {
  subscript(id: String) -> Judgement? { checks.first { $0.id == id }?.judgement }
}
