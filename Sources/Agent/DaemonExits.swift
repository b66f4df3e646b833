import Configuration
import Model
import Reconciliation
import Report
import ZeroTier

extension Daemon {
  var exitStatuses: [ExitStatus] {
    guard case .gateway(let gateway) = configuration.role else { return [] }
    return gateway.exits.map { exit in
      var status = ExitStatus(name: exit.name, address: exit.address)
      let health = situation.health[exit.name] ?? ExitHealth(gateway.probe)
      status.health = .init(health.state)
      status.healthy = health.isUsable
      status.healthSince = ledger.healthSince[exit.name].map { ledger.clock.time(at: $0.since) }
      status.active = last?.decision.isOpen == true && situation.choice.active.contains(exit.name)
      status.pinned = situation.choice.pinned == exit.name
      if let record = prober?.record(of: exit.name) { status.take(record, health) }
      if let id = exit.nodeID, let sight = situation.peers[id] {
        let path = sight.path.knowing(situation.isAnswering(exit) ? .answered : .silent)
        status.path = ExitStatus.Path(rawValue: path.word)
        status.zerotier = PeerStatus(id, sight, now: loop.now.sinceBoot)
      }
      return status
    }
  }

  /// Of how many exits at the most each probe's result is told, so that a status stays small.
  private static var mostHistories: Int { 64 }

  /// What only who asks wants to see, not every pass.
  func addHistories(to status: inout AgentStatus) {
    guard status.exits.count <= Self.mostHistories else { return }
    for index in status.exits.indices {
      status.exits[index].rttHistorySeconds = prober?.record(of: status.exits[index].name)?.roundTrips ?? []
    }
  }

  /// Keeps since when each exit's health is what it is.
  func followHealth() {
    guard case .gateway(let gateway) = configuration.role else {
      ledger.healthSince = [:]
      return
    }
    let now = loop.now.sinceBoot
    var followed: [String: (state: ExitHealth.State, since: Duration)] = [:]
    for exit in gateway.exits {
      let state = situation.health[exit.name]?.state ?? .unknown
      if let known = ledger.healthSince[exit.name], known.state == state {
        followed[exit.name] = known
      } else {
        followed[exit.name] = (state, now)
      }
    }
    ledger.healthSince = followed
  }

  /// What concerns the exits while traffic flows, and needs a person.
  var exitDegradations: [Finding] {
    guard case .gateway(let gateway) = configuration.role else { return [] }
    let choice = situation.choice
    var findings = situation.strangers(gateway, configuration.zerotier).map {
      Finding.exitOutside($0.exit.name, $0.problem)
    }
    findings += choice.active.compactMap { name in
      guard let record = prober?.record(of: name), record.isUnasked else { return nil }
      return .exitUnasked(name, record.problem)
    }
    if let pinned = choice.pinned { findings.append(.pinnedExit(pinned)) }
    if choice.pinned == nil, let active = choice.active.first {
      if gateway.spread == .none, let first = gateway.exits.first, first.name != active {
        findings.append(
          .standbyExit(active, insteadOf: first.name, because: situation.exitProblems[first.name]))
      }
      let missing = gateway.exits.filter { !choice.active.contains($0.name) }
      if gateway.spread == .flows, !missing.isEmpty { findings.append(.exitsMissing(missing.map(\.name))) }
    }
    return findings
  }

  /// Exits whose packets take the long way, which ZeroTier does not mend by itself.
  var relayFindings: [Finding] {
    guard case .gateway(let gateway) = configuration.role else { return [] }
    let now = loop.now.sinceBoot
    return gateway.exits.compactMap { exit in
      guard let since = exit.nodeID.flatMap({ situation.peers[$0]?.relayedSince }),
        now - since >= PeerSight.relayedTooLong
      else { return nil }
      return .relayed(exit.name)
    }
  }
}

extension ExitStatus {
  fileprivate mutating func take(_ record: ExitRecord, _ health: ExitHealth) {
    rttSeconds = record.roundTrip.map { $0 / .seconds(1) }
    lossRatio = record.lossRatio
    problem = health.state == .healthy ? nil : record.problem
    checks = health.checks.map { check in
      CheckStatus(
        check: check.word, health: .init(health[check]?.state ?? .unknown), problem: record[problemOf: check])
    }
    lateAnswers = Int(clamping: record.late)
    duplicateAnswers = Int(clamping: record.duplicates)
    throughSeconds = record.throughTime.map { $0 / .seconds(1) }
    publicAddress = record.seenAddress
  }
}

extension ExitStatus.Health {
  fileprivate init(_ state: ExitHealth.State) {
    switch state {
    case .unknown: self = .unknown
    case .healthy: self = .healthy
    case .suspect: self = .suspect
    case .unhealthy: self = .unhealthy
    }
  }
}

extension ExitHealth.Check {
  /// In status and metrics.
  fileprivate var word: String {
    switch self {
    case .echo: "echo"
    case .through: "through"
    case .publicAddress: "publicAddress"
    }
  }
}

extension PeerStatus {
  fileprivate init(_ id: ZeroTierNodeID, _ sight: PeerSight, now: Duration) {
    self.init(nodeID: id)
    if case .direct(let host, let port) = sight.path { address = "\(host):\(port)" }
    latencySeconds = sight.latency.map { $0 / .seconds(1) }
    lastSeenSeconds = sight.silence.map { $0 / .seconds(1) }
    version = sight.version
    relayedSeconds = sight.relayedSince.map { (now - $0) / .seconds(1) }
  }
}
