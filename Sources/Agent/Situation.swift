import Configuration
import Model
import Reconciliation
import ZeroTier

/// What is known at this moment of everything that decides between open and closed. The kernel's part is what
/// was read last; a link or address event makes it read again before anything is decided.
struct Situation {
  // From ZeroTier.
  var word: NetworkWord = .none
  var apiFailure: APIFailure?
  var isOnline: Bool?
  /// What the API last said of the network.
  var report: NetworkReport?
  var peers: [ZeroTierNodeID: PeerSight] = [:]
  /// What the API, or a former run, last called the network's link.
  var reportedInterface: InterfaceName?

  /// Networks that the tunnel's link is in, or was in when it was last there.
  var networks: [CIDR] = []

  // From the kernel.
  var links: [InterfaceIndex: Link] = [:]
  var addresses: [InterfaceAddress] = []
  var mainDefaults: [Route] = []

  // From the probes.
  var health: [String: ExitHealth] = [:]
  var choice = ExitChoice()
  /// Why an exit is not known to work.
  var exitProblems: [String: String] = [:]

  mutating func take(_ observed: ObservedState) {
    if let links = observed.links { self.links = links }
    if let addresses = observed.addresses { self.addresses = addresses }
    if let defaults = observed.mainDefaults { mainDefaults = defaults }
  }

  /// Keeps what the tunnel's link and ZeroTier say of the networks: when both are gone, what was theirs stays
  /// guarded.
  mutating func rememberNetworks(_ settings: ZeroTierSettings) {
    guard case .present(_, let addresses) = facts(settings).interface else { return }
    let assigned = report?.assignedAddresses.map(\.network) ?? []
    let found = Set(addresses.map(\.network) + assigned).filter { !CIDR.linkLocalIPv6.contains($0) }
    if !found.isEmpty { networks = found.sorted() }
  }

  func link(named name: InterfaceName) -> Link? { links.values.first { $0.name == name } }

  func addresses(on link: Link) -> [InterfaceAddress] { addresses.filter { $0.interface == link.index } }

  func facts(_ settings: ZeroTierSettings) -> GateFacts {
    let interface: InterfaceState
    if let name = settings.interface ?? reportedInterface {
      interface = link(named: name).map { .present($0, addresses: addresses(on: $0)) } ?? .missing(name)
    } else {
      interface = .unnamed
    }
    return GateFacts(
      network: settings.networkID, word: word, apiProblem: apiFailure?.message, interface: interface,
      networks: networks, exitProblems: exitProblems)
  }

  /// The tunnel that exits can be probed through: up, with the egress IP on it.
  func probeTunnel(_ settings: ZeroTierSettings, _ gateway: GatewaySettings) -> Tunnel? {
    facts(settings).tunnel(holding: gateway.egressIP).flatMap { $0.isUp ? $0 : nil }
  }

  /// The networks of the tunnel's link, by its addresses and by ZeroTier's own routes into it: exits have to be in
  /// them. Empty: not known, as long as ZeroTier has not said its routes, or the link's address is in no network.
  func tunnelNetworks(_ settings: ZeroTierSettings) -> [CIDR] {
    guard case .present(_, let addresses) = facts(settings).interface, let report else { return [] }
    let routed = report.routes.filter { $0.via == nil }.map(\.target)
    return Set(addresses.map(\.network) + routed).filter { $0.family == .ipv4 && !$0.isHost }.sorted()
  }

  /// Exits that are in none of the tunnel's networks, and why that is known.
  func strangers(_ gateway: GatewaySettings, _ settings: ZeroTierSettings) -> [(exit: Exit, problem: String)]
  {
    guard facts(settings).tunnel(holding: gateway.egressIP) != nil else { return [] }
    let networks = tunnelNetworks(settings)
    return gateway.exits.compactMap { exit in
      ExitProber.outsideProblem(exit, of: networks).map { (exit, $0) }
    }
  }

  /// Refuses a configuration whose exits are in none of the networks that the tunnel is known to be in. Before there
  /// is a tunnel, nothing is known of them.
  func refuseStrangers(in fresh: LoadedConfiguration) throws(ConfigurationErrors) {
    guard case .gateway(let gateway) = fresh.configuration.role,
      reportedInterface != nil || fresh.configuration.zerotier.interface != nil
    else { return }
    let strangers = strangers(gateway, fresh.configuration.zerotier)
    guard let refusal = fresh.refusal(ofAddresses: strangers.map { ($0.exit.name, $0.problem) }) else {
      return
    }
    throw refusal
  }

  /// Takes what came of a probe; the exit's state before and after.
  mutating func take(
    _ input: ExitHealth.Input, from check: ExitHealth.Check, of exit: String, _ settings: ProbeSettings
  ) -> (before: ExitHealth.State, after: ExitHealth.State) {
    func change(_ health: inout ExitHealth) -> (ExitHealth.State, ExitHealth.State) {
      let before = health.state
      health.take(input, from: check, settings)
      return (before, health.state)
    }
    return change(&health[exit, default: ExitHealth(settings)])
  }

  /// Chooses the exits anew, from what is known of each.
  /// - Parameter now: monotonic time since any fixed point.
  mutating func chooseExits(_ gateway: GatewaySettings, now: Duration) {
    let exits = gateway.exits.map { ($0, health[$0.name] ?? ExitHealth(gateway.probe)) }
    choice.update(exits, gateway, now: now)
  }

  /// What was learnt of the exits was learnt on another path than there is now.
  mutating func changePath(_ gateway: GatewaySettings) {
    for name in health.keys { health[name]?.changePath(gateway.probe) }
    exitProblems = [:]
    choice.reset()
  }

  /// The link to the Internet: the named one, or that of the main table's best default route.
  func wan(_ cloud: CloudSettings) -> WAN? {
    let found: Link?
    switch cloud.wanInterface {
    case .named(let name): found = link(named: name)
    case .auto:
      found =
        mainDefaults.lazy.compactMap { route -> Link? in
          guard case .unicast(let hops) = route.value.kind, let hop = hops.first else { return nil }
          return links[hop.interface]
        }.first
    }
    return found.map { WAN(name: $0.name, addresses: addresses(on: $0)) }
  }
}

extension AgentConfiguration {
  /// What of the kernel decides: a gateway has no use for the main table's default routes.
  var surveyed: Domains {
    switch role {
    case .gateway: .situational.subtracting(.mainDefaults)
    case .cloud: .situational
    }
  }
}

/// What is let through in a situation, and why it is closed if it is.
struct Decision {
  enum Policy: Equatable {
    case gateway(GatewayPolicy, GatewaySettings, networks: [CIDR], onLink: [CIDR])
    case cloud(CloudPolicy, CloudSettings, CloudSurroundings)
  }

  let policy: Policy
  let reasons: [BlockReason]
  let network: ZeroTierNetworkID
  let wan: WAN?
  var tunnel: Tunnel? {
    switch policy {
    case .gateway(let policy, _, _, _): policy.tunnel
    case .cloud(let policy, _, _): policy.tunnel
    }
  }
  /// Whether traffic may flow.
  var isOpen: Bool { reasons.isEmpty }

  init(_ configuration: AgentConfiguration, _ situation: Situation) {
    network = configuration.zerotier.networkID
    let facts = situation.facts(configuration.zerotier)
    switch configuration.role {
    case .gateway(let gateway):
      let (decided, reasons) = GatewayPolicy.decide(facts, gateway, situation.choice, situation.health)
      policy = .gateway(decided, gateway, networks: facts.networks, onLink: facts.ipv6Networks)
      self.reasons = reasons
      wan = nil
    case .cloud(let cloud):
      wan = situation.wan(cloud)
      let wanted: InterfaceName? = if case .named(let name) = cloud.wanInterface { name } else { nil }
      let (decided, reasons) = CloudPolicy.decide(facts, cloud, wan: wan, wanted: wanted)
      policy = .cloud(decided, cloud, situation.surroundings(decided, cloud))
      self.reasons = reasons
    }
  }

  /// What the kernel shall hold.
  var desired: DesiredState {
    switch policy {
    case .gateway(let policy, let settings, let networks, let onLink):
      DesiredState(policy, settings, network: network, networks: networks, onLink: onLink)
    case .cloud(let policy, let settings, let surroundings):
      DesiredState(policy, settings, network: network, surroundings)
    }
  }
}
