import Configuration
import Kernel
import Model
import Reconciliation
import Report
import ZeroTier

extension Daemon {
  /// All that the agent says of itself, made anew from what it knows now.
  func makeStatus() -> AgentStatus {
    let judgement = judge()
    var status = AgentStatus(
      build: .current, role: configuration.roleName, startedAt: ledger.clock.time(at: ledger.startedAt),
      configPath: loaded.path)
    status.config.sha256 = loaded.sha256
    status.config.loadedAt = ledger.clock.time(at: ledger.loadedAt)
    status.config.error = configurationError
    status.zerotier = zerotierStatus
    status.exits = exitStatuses
    status.wan = wanStatus
    status.tunnelUp = ledger.isTunnelUp
    status.kernel.inSync = ledger.isInSync
    status.kernel.objects = ObjectKind.allCases.compactMap { kind in
      ledger.objects[kind].map {
        ObjectCount(kind: kind.rawValue, desired: $0.desired, observed: $0.observed)
      }
    }
    status.reconcile = ledger.counters.reconcileStatus(by: ledger.clock)
    status.drift = ledger.counters.driftStatus(by: ledger.clock)
    status.guardDrops = ledger.guardDrops.sorted { $0.key < $1.key }.map {
      GuardDrop(guardName: $0.key, packets: Int(clamping: $0.value.total))
    }
    status.traffic.forwarded = ledger.counters.forwarded.directions
    status.traffic.tunnel = ledger.counters.tunnel.directions
    (status.phase, status.reasons, status.warnings) = (
      judgement.phase, judgement.reasons, judgement.warnings + notices
    )
    status.phaseSince = ledger.clock.time(at: ledger.phaseSince)
    return status
  }

  /// How the agent is doing: what every pass has to know, where the rest of the status is made for who asks.
  struct Judgement {
    let phase: Phase
    let reasons: [Finding]
    let warnings: [Finding]
  }

  func judge() -> Judgement {
    let now = loop.now.sinceBoot
    ledger.clock.follow(sinceEpoch: sinceEpoch(), sinceBoot: now)
    pace.settle(now)
    followHealth()
    let degradations = degradations
    // Who holds the table is why changes to it are refused.
    let holder = ledger.tableHolder.map { [Finding.tableHeld(by: $0)] } ?? []
    let (phase, reasons) = phase(
      with: degradations, refusals: holder + ledger.errors.map(Finding.init(refusal:)))
    ledger.enter(phase, at: now)
    return Judgement(phase: phase, reasons: reasons, warnings: holder + degradations)
  }

  private func phase(with degradations: [Finding], refusals: [Finding]) -> (Phase, [Finding]) {
    if !ledger.isVerified && ledger.errors.isEmpty { return (.starting, []) }
    let blocks = Decision(configuration, situation).reasons.map {
      Finding(code: $0.code, message: $0.message, remedy: $0.remedy)
    }
    guard blocks.isEmpty && ledger.isTunnelUp else {
      let reasons = blocks + refusals
      return (.blocked, reasons.isEmpty ? [.pending] : reasons)
    }
    let reasons = refusals + degradations
    return (reasons.isEmpty ? .ready : .degraded, reasons)
  }

  /// Traffic flows, and a person should see to it.
  private var degradations: [Finding] {
    var findings = listenerProblems
    if let configurationError {
      findings.append(.refusedConfiguration(configurationError, keeping: loaded.path))
    }
    if let failure = situation.apiFailure {
      findings.append(
        Finding(code: "zerotier-api-\(failure.kind)", message: failure.message, remedy: failure.remedy))
    }
    findings += exitDegradations
    findings += wanDegradations
    findings += ledger.foreignRules.map(Finding.init(foreignRuleAhead:))
    findings += ledger.foreignRoutes.map { route in
      Finding(foreignRouteAhead: route) { [links = situation.links] in links[$0]?.name.text }
    }
    findings += ledger.missingSystemRules.map(Finding.init(missingSystemRule:))
    // On a gateway the host's own forwarding is only one of the ways that sandbox packets take.
    if case .cloud = configuration.role { findings += foreignDrops }
    findings += ledger.unmet.map(Finding.init(unmet:))
    if reconciler.ownership == .shared { findings.append(.sharedTable) }
    if pace.isFight { findings.append(.fight(with: ledger.opponents.names, isSlowed: pace.delay != nil)) }
    if case .gateway = configuration.role, KernelRelease.running.isOlder(than: (5, 10)) {
      findings.append(.oldKernel(KernelRelease.running.text))
    }
    return findings
  }

  /// Chains of others in which packets from and to the tunnel end.
  private var foreignDrops: [Finding] {
    guard let tunnel = last?.decision.tunnel else { return [] }
    return ledger.forwardChains.filter { $0.isInTheWay(of: tunnel.name) }
      .map { .foreignForwardDrop($0, tunnel.name) }
  }

  /// Nothing is wrong with the traffic, and a person may want to know.
  private var notices: [Finding] {
    var findings = loaded.warnings.map {
      Finding(code: "config-warning", message: "\($0)", remedy: "see liteboxd-agent check")
    }
    findings += wanNotices
    if let report = situation.report {
      let isDefault = report.routes.contains { $0.via != nil && $0.target.prefixLength <= 1 }
      if report.allowDefault || isDefault { findings.append(.zerotierDefault(report.id)) }
    }
    findings += relayFindings
    if case .gateway = configuration.role { findings += foreignDrops }
    return findings
  }

  private var zerotierStatus: ZeroTierStatus {
    var status = ZeroTierStatus()
    status.apiReachable = situation.apiFailure == nil && ledger.isZeroTierAsked
    status.networkStatus = situation.networkStatus
    status.online = situation.isOnline
    if case .present(let link, let addresses) = situation.facts(configuration.zerotier).interface {
      status.interface = link.name
      status.interfaceIndex = link.index
      status.addresses = addresses.map(\.description)
    }
    return status
  }

  /// Packets that were counted before the agent started are not its own to report.
  func countFromHere() {
    let names: [GuardCounter] =
      switch configuration.role {
      case .gateway: GuardCounter.gateway
      case .cloud: GuardCounter.cloud
      }
    readCounters()
    for name in names.map(\.guardName) where ledger.guardDrops[name] == nil {
      ledger.guardDrops[name, default: FollowedCounter()].follow(0)
    }
  }
}

extension Situation {
  /// As ZeroTier last said it.
  var networkStatus: String? {
    switch word {
    case .none, .inherited: nil
    case .ok: "OK"
    case .status(let text): text
    case .notJoined: "NOT_JOINED"
    }
  }
}

extension GuardCounter {
  /// In the metrics: the counter's name without its ending.
  var guardName: String { rawValue.droppingSuffix }
}

extension String {
  fileprivate var droppingSuffix: String { hasSuffix("_dropped") ? String(dropLast("_dropped".count)) : self }
}

extension AgentConfiguration {
  var roleName: Report.RoleName {
    switch role {
    case .gateway: .gateway
    case .cloud: .cloud
    }
  }
}
