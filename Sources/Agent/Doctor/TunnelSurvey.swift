import Configuration
import Doctor
import EventLoop
import Kernel
import Model
import Reconciliation
import Report
import ZeroTier

/// Finds out how things stand between ZeroTier and the Internet, and what the kernel should hold then.
final class TunnelSurvey {
  private let tool: Tool
  private let kernel: Kernel
  private let configuration: AgentConfiguration
  private let log: Log

  init(_ tool: Tool, _ kernel: Kernel, _ configuration: AgentConfiguration, _ log: Log) {
    self.tool = tool
    self.kernel = kernel
    self.configuration = configuration
    self.log = log
  }

  func run(on seen: ObservedState, _ host: inout HostObservations) throws {
    let zerotier = ZeroTierSurvey(configuration)
    let poll = try zerotier.poll()
    host.zerotier = try zerotier.reading(poll)
    var (held, own) = situations(host, seen)
    if let poll { _ = own.take(poll) }
    own.rememberNetworks(configuration.zerotier)
    let settings = configuration.zerotier
    switch configuration.role {
    case .gateway(let gateway):
      host.tunnel = .known(
        TunnelReading(
          own.facts(settings),
          strangers: own.strangers(gateway, settings).map { ($0.exit.name, $0.problem) }))
      askExits(gateway, &own, &host)
    case .cloud(let cloud):
      host.tunnel = .known(TunnelReading(own.facts(settings)))
      host.wan = .known(wan(cloud, own))
    }
    if host.status == nil { held = own }
    host.targets = try targets(own)
    host.state = try StateSurvey(kernel, configuration).run(held)
  }

  /// What the kernel is held at by the daemon, and what is found here: without one they are the same.
  private func situations(_ host: HostObservations, _ seen: ObservedState) -> (
    held: Situation, own: Situation
  ) {
    if let status = host.status {
      let situation = Situation(status, configuration, seen)
      return (situation, situation)
    }
    var situation = Situation()
    situation.take(seen)
    situation.inherit(from: kernel, configuration, formerNetwork: tool.formerNetwork(log), log)
    situation.pin(tool.pinnedExit(log), configuration, log)
    return (situation, situation)
  }

  private func askExits(_ gateway: GatewaySettings, _ own: inout Situation, _ host: inout HostObservations) {
    guard let tunnel = own.probeTunnel(configuration.zerotier, gateway) else {
      host.exits = .unknown("there is no tunnel to ask them through")
      return
    }
    let readings = Reading {
      try ExitEcho(gateway, own.tunnelNetworks(configuration.zerotier)).ask(through: tunnel.name)
    }
    host.exits = readings
    for reading in readings.value ?? [] {
      let input: ExitHealth.Input = reading.roundTrip == nil ? .lost : .answered
      _ = own.take(input, from: .echo, of: reading.name, gateway.probe)
      own.exitProblems[reading.name] = reading.problem
    }
    if host.status == nil, case .gateway(let simple) = configuration.withoutEndToEnd.role {
      own.chooseExits(simple, now: MonotonicTime.now.sinceBoot)
    }
  }

  private func wan(_ cloud: CloudSettings, _ situation: Situation) -> WANReading {
    let wan = situation.wan(cloud)
    let link = wan.flatMap { situation.link(named: $0.name) }
    let wanted: InterfaceName? = if case .named(let name) = cloud.wanInterface { name } else { nil }
    return WANReading(
      wan: wan, wanted: wanted, link: link,
      hasDefaultRoute: link.map { situation.defaultHop(through: $0) != nil } ?? false)
  }

  /// One connection to the first of the Internet's servers that takes it, if the configuration names any.
  private func targets(_ situation: Situation) throws -> Reading<[TargetReading]> {
    let probe: ProbeSettings
    var end = LocalEnd()
    switch configuration.role {
    case .gateway(let gateway):
      probe = gateway.probe
      end.source = gateway.egressIP.description
      guard !probe.through.isEmpty else { return .unknown("gateway.probe.through is not set") }
      guard situation.probeTunnel(configuration.zerotier, gateway) != nil else {
        return .unknown("there is no tunnel to ask through")
      }
    case .cloud(let cloud):
      guard let asked = cloud.probe, !asked.through.isEmpty else {
        return .unknown("cloud.probe.through is not set")
      }
      probe = asked
      end.device = situation.wan(cloud)?.name.text
    }
    let loop = try EventLoop()
    var reading = TargetReading(name: "", problem: nil)
    let round = try ThroughRound(on: loop, to: probe.through, from: end, timeout: probe.timeout) {
      _, outcome in
      switch outcome {
      case .answered(let target, _): reading.name = "\(target)"
      case .lost(let problem), .notSent(let problem), .unasked(let problem): reading.problem = problem
      }
      loop.stop()
    }
    try withExtendedLifetime(round) { try loop.run() }
    return .known([reading])
  }
}
