import Configuration
import Model
import Reconciliation
import Report

// The agent's own state in the kernel, and what others have beside it.

extension HostObservations {
  var rulesJudgement: Judgement {
    judge(.rule) { state in
      let possible = state.desired.rules.filter { state.observed.families.contains($0.family) }.count
      return "\(possible) of \(possible) are there"
    }
  }

  var routesJudgement: Judgement {
    judge(.route) { state in
      let count = state.desired.tables.values.map(\.count).reduce(0, +)
      let tables = state.desired.tables.keys.map(\.rawValue).sorted().map(String.init)
      return "\(count) routes in tables \(tables.joined(separator: ", "))"
    }
  }

  var nftablesJudgement: Judgement {
    judge(.nftables) { state in
      "table inet \(NftablesTable.name) with \(state.desired.nftables?.chains.count ?? 0) chains"
    }
  }

  var sysctlsJudgement: Judgement {
    judge(.sysctl) { state in
      state.desired.sysctls.map { "\($0.key.name)=\($0.value)" }.joined(separator: ", ")
    }
  }

  /// What `plan` would do to that kind of object.
  private func judge(_ kind: ObjectKind, _ passed: (StateReading) -> String) -> Judgement {
    state.judged { state in
      if let reason = state.unreadable[kind] { return .skipped(reason) }
      let steps = state.plan.steps.filter { $0.operation.kind == kind }
      guard !steps.isEmpty else { return .passed(passed(state)) }
      let lines = steps.flatMap { $0.operation.lines { state.names[$0] } }
      return .failed(
        "pending: \(lines.first ?? "")" + more(lines.count - 1), pendingRemedy,
        steps.contains { opens($0) } ? .blocks : .none)
    }
  }

  /// Without that step nothing flows.
  private func opens(_ step: Plan.Step) -> Bool {
    switch step.operation {
    case .addRoute(let route), .replaceRoute(let route):
      step.stage == .openTunnel && route.carriesTraffic && route.key.destination.isEverything
    case .nftables: cloud != nil
    case .setSysctl(let sysctl):
      switch sysctl.key {
      case .ipv4Forwarding, .linkForwarding: true
      case .reversePathFilter, .markedReversePath, .midstreamPickup: false
      }
    case .deleteRoute, .addRule, .deleteRule: false
    }
  }

  private var pendingRemedy: String {
    status == nil
      ? "systemctl start liteboxd-agent, or liteboxd-agent apply; liteboxd-agent plan shows all of it"
      : "see journalctl -u liteboxd-agent for what it was refused; liteboxd-agent plan shows all of it"
  }

  var foreignRulesJudgement: Judgement {
    rules.judged { rules in
      guard let desired = state.value?.desired else { return .skipped("what the agent wants is not known") }
      let ahead = desired.rulesAhead(among: rules)
      if let first = ahead.first {
        let finding = Finding(foreignRuleAhead: first)
        return .failed(finding.message + more(ahead.count - 1), finding.remedy)
      }
      let isMoved = rules.contains { $0.action == .lookup(.local) && $0.priority.rawValue == 100 }
      return .passed(isMoved ? "none; table local at priority 100 is Cilium's doing" : "none")
    }
  }

  /// By table local, which is asked before all rules.
  var foreignRoutesJudgement: Judgement {
    localRoutes.judged { routes in
      guard let state = state.value else { return .skipped("what the agent wants is not known") }
      let ahead = state.desired.routesAhead(among: routes, of: tunnelLink?.index)
      guard let first = ahead.first else { return .passed("none") }
      let finding = Finding(foreignRouteAhead: first) { state.names[$0] }
      return .failed(finding.message + more(ahead.count - 1), finding.remedy)
    }
  }

  var systemRulesJudgement: Judgement {
    rules.judged { rules in
      let missing = [RoutingTableID.local, .main, .default].filter { table in
        !rules.contains { $0.family == .ipv4 && $0.action == .lookup(table) }
      }
      guard let first = missing.first else { return .passed("local, main and default are there") }
      guard first != .local else {
        return .failed(
          "the system's rule for table local is gone: nothing is delivered to this host",
          "ip rule add priority 0 lookup local")
      }
      return .failed(Finding(missingSystemRule: first))
    }
  }

  /// Who may change the table. A daemon knows whether it is its own.
  var ownerJudgement: Judgement {
    state.judged { state in
      if let reason = state.unreadable[.nftables] { return .skipped(reason) }
      if let held = status?.allFindings.first(where: { $0.code == "table-held" }) { return .failed(held) }
      if let shared = status?.allFindings.first(where: { $0.code == "kernel-feature-missing" }) {
        return .warned(shared)
      }
      guard case .present(let table)? = state.observed.nftables else {
        return .skipped("there is no table inet \(NftablesTable.name)")
      }
      switch table.ownership {
      case .none: return .warned(.sharedTable)
      case .orphan: return .passed("nobody's at the moment; the next agent claims it")
      case .ours, .another:
        guard status == nil, case .another(let port) = table.ownership else {
          return .passed("the daemon's alone")
        }
        if case .silent? = daemon.value { return .passed("held, by the daemon as it seems") }
        return .failed(.tableHeld(by: port))
      }
    }
  }

  var chainsJudgement: Judgement {
    chains.judged { chains in
      guard let tunnel = tunnelLink?.name else {
        return .skipped("there is no interface that they could know")
      }
      if let chain = chains.first(where: { $0.isInTheWay(of: tunnel) }) {
        let finding = Finding.foreignForwardDrop(chain, tunnel)
        return cloud == nil ? .warned(finding) : .failed(finding, .blocks)
      }
      let managers = firewallManagers.isEmpty ? "" : "; running: \(firewallManagers.joined(separator: ", "))"
      let found =
        chains.isEmpty ? "there is none" : "none of \(counted(chains.count, "chain", "chains")) drops"
      return .passed(found + managers)
    }
  }
}

extension AgentStatus {
  var allFindings: [Finding] { reasons + warnings }
}
