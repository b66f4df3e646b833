import Configuration
import EventLoop
import Kernel
import Model
import Reconciliation
import Report

// A cloud server's way to the Internet and who uses it. All of it informs; nothing here opens or closes.

extension Daemon {
  var cloud: CloudSettings? {
    if case .cloud(let cloud) = configuration.role { cloud } else { nil }
  }

  func configureWANProber(_ former: AgentConfiguration?) throws(EventLoopError) {
    guard let probe = cloud?.probe else {
      wanProber = nil
      return
    }
    if case .cloud(let before)? = former?.role, before.probe == probe, wanProber != nil { return }
    wanProber = try WANProber(on: loop, probe, log) { [unowned self] in tellService() }
    followWAN()
  }

  /// Probes go by the WAN that the last pass found.
  func followWAN() {
    let link = last?.decision.wan.flatMap { situation.link(named: $0.name) }
    wanProber?.follow(link.map { WANProber.Way(name: $0.name, hasCarrier: $0.hasCarrier) })
  }

  var wanStatus: WANStatus? {
    guard let wan = last?.decision.wan else { return nil }
    var status = WANStatus(interface: wan.name, addresses: wan.addresses.map(\.description))
    let link = situation.link(named: wan.name)
    let hop = link.flatMap { situation.defaultHop(through: $0) }
    status.hasDefaultRoute = hop != nil
    status.gateway = hop?.gateway
    status.hasCarrier = link?.hasCarrier ?? false
    status.answers = wanProber?.answers
    status.roundTripSeconds = wanProber?.roundTrip.map { $0 / .seconds(1) }
    status.problem =
      if !status.hasCarrier {
        "no carrier"
      } else if hop == nil {
        "no default route in table main"
      } else { wanProber?.problem }
    return status
  }

  /// Traffic is let through, and may not get far.
  var wanDegradations: [Finding] {
    guard let wan = last?.decision.wan, let link = situation.link(named: wan.name) else { return [] }
    if !link.hasCarrier { return [.wanNoCarrier(link)] }
    guard let prober = wanProber, prober.answers == false else { return [] }
    return [.wanUnanswered(wan.name, prober.problem)]
  }

  /// Another table may lead out, so this says nothing of the traffic by itself.
  var wanNotices: [Finding] {
    guard let wan = last?.decision.wan, let link = situation.link(named: wan.name),
      situation.defaultHop(through: link) == nil
    else { return [] }
    return [.wanNoRoute(wan.name)]
  }

  /// The status for somebody who asks: with what the kernel counted until now.
  func answeredStatus() -> AgentStatus {
    readCounters()
    var status = makeStatus()
    addHistories(to: &status)
    status.traffic.connections = .init(HostStatistics.read())
    status.gateways = ledger.gateways.status(now: loop.now.sinceBoot, wallClock: wallClock())
    return status
  }

  /// Reads who was seen; no pass does.
  func readGateways() throws(KernelError) {
    guard cloud != nil else { return }
    let (sent, received) = (
      try kernel.elements(of: GatewaySet.out), try kernel.elements(of: GatewaySet.in)
    )
    ledger.gateways.follow(sent: sent, received: received, now: loop.now.sinceBoot)
  }
}

extension Situation {
  /// Of the main table's best default route through the link.
  func defaultHop(through link: Link) -> Route.NextHop? {
    mainDefaults.lazy.compactMap { route in
      guard case .unicast(let hops) = route.value.kind else { return nil }
      return hops.first { $0.interface == link.index }
    }.first
  }

  /// What a cloud server has around it, apart from its WAN and its tunnel.
  func surroundings(_ policy: CloudPolicy, _ cloud: CloudSettings) -> CloudSurroundings {
    let ranges = cloud.sources + networks
    let others = links.values.filter { link in
      link.name != .loopback && link.name != policy.wan?.name && link.name != policy.tunnel?.name
        && addresses(on: link).contains { own in ranges.contains { $0.overlaps(own.network) } }
    }
    return CloudSurroundings(
      networks: networks, neighbours: others.map(\.name).sorted { $0.text < $1.text })
  }
}
