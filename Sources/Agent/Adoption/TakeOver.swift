import Adoption
import Configuration
import Glibc
import Kernel
import Model
import Reconciliation
import Report

/// What `adopt --yes` does, step by step. Each step may find that it was done before, by a run that was interrupted.
final class TakeOver {
  struct Step {
    let title: String
    /// What to add to the title.
    let perform: () throws -> [String]
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private let tool: Tool
  private let finding: FoundRecipe
  private let existing: LoadedConfiguration?
  private let text: String
  private let log = Log(level: .warning)
  private var situation = Situation()
  /// Made with the first step, so that telling of the steps needs none, and closed after the last: the nftables table
  /// is then the daemon's to claim.
  private var opened: Kernel?

  /// - Parameters:
  ///   - existing: the configuration that is there already and agrees with the finding.
  ///   - text: the configuration to write otherwise.
  init(_ tool: Tool, _ finding: FoundRecipe, _ existing: LoadedConfiguration?, text: String) {
    self.tool = tool
    self.finding = finding
    self.existing = existing
    self.text = text
  }

  private var path: String { tool.invocation.configurationPath }

  private func kernel() throws -> Kernel {
    if let opened { return opened }
    let made = try Kernel()
    opened = made
    return made
  }

  func close() { opened = nil }

  /// In their order. What opens and closes comes before what removes: no step leaves a moment in which neither the old
  /// state nor the agent's carries the traffic.
  func steps(_ configuration: AgentConfiguration) -> [Step] {
    let network = configuration.zerotier.networkID
    let asking: String =
      switch finding {
      case .gateway:
        "ask ZeroTier about network \(network), and the exits for an answer, before anything is changed"
      case .cloud: "ask ZeroTier about network \(network), before anything is changed"
      }
    let writing = existing == nil ? "write \(path)" : "keep \(path), which agrees with what was found"
    return [
      Step(title: asking) { try self.survey(configuration) },
      Step(title: writing) { try self.write() },
      Step(title: "bring in the agent's own rules, routes, nftables table and sysctls, and read them back") {
        try self.reconcile()
      },
    ] + removals + [Step(title: "look whether anything of the recipe is left") { try self.lookAgain() }]
  }

  private var removals: [Step] {
    var steps: [Step] = []
    if let trace = finding.unit, let unit = OldUnit(trace.name) {
      steps.append(
        Step(title: "take \(unit.name) out of service without its ExecStop=, by \(unit.dropIn)") {
          try unit.retire(configuration: self.path, Systemd())
          return Systemd() == nil
            ? ["systemd does not run here: systemctl disable \(unit.name) is left to do"] : []
        })
    }
    switch finding {
    case .gateway(let gateway):
      steps += gateway.rules.map { rule in
        Step(title: "ip rule del \(rule)") { try self.delete(rule) }
      }
    case .cloud(let cloud):
      if !cloud.saved.isEmpty {
        let title =
          "take \(cloud.saved.count) lines out of \(HostTraces.savedRulesPath), after a copy to \(SavedRules.copy)"
        steps.append(Step(title: title) { try SavedRules.remove(cloud.saved) })
      }
      // What accepts goes first: by the source NAT another run still finds the recipe.
      let ordered =
        cloud.entries.filter { !$0.entry.isMasquerade } + cloud.entries.filter(\.entry.isMasquerade)
      steps += ordered.map { live in
        let words = live.entry.entry.deletion
        return Step(title: "\(live.program) \(words.joined(separator: " "))") {
          try Self.runIptables(live.program, words)
        }
      }
    }
    return steps
  }

  // MARK: The steps

  private func survey(_ configuration: AgentConfiguration) throws -> [String] {
    situation = try SituationSurvey(configuration.withoutEndToEnd, log).run(
      kernel(), formerNetwork: tool.formerNetwork(log), pinned: tool.pinnedExit(log))
    let decision = Decision(configuration.withoutEndToEnd, situation)
    guard decision.isOpen else {
      let reasons = decision.reasons.map { "\($0.message); \($0.remedy)" }.joined(separator: "; ")
      throw Failure(description: reasons)
    }
    return situation.choice.active.isEmpty
      ? [] : ["answers: \(situation.choice.active.joined(separator: ", "))"]
  }

  private func write() throws -> [String] {
    guard existing == nil else { return [] }
    let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    if !HostFile.exists(directory) { try WholeFile.makeDirectory(directory, mode: 0o750) }
    try WholeFile.replace(path, via: "\(path).new", with: Array(text.utf8), mode: 0o640)
    return []
  }

  /// As `apply`. Exits are asked for their own answer alone: end-to-end checks need the agent's routes, which the daemon
  /// brings.
  private func reconcile() throws -> [String] {
    let loaded = try loadConfiguration(at: path)
    try tool.store.save(loaded)
    let outcome = try tool.reconcile(loaded.configuration.withoutEndToEnd, situation, .all, kernel(), log)
    guard outcome.isVerified else {
      let errors = outcome.errors.map(\.description)
      throw Failure(
        description: errors.isEmpty
          ? "the kernel is not as wanted when it is read back" : errors.joined(separator: "; "))
    }
    return outcome.plan.lines { self.situation.links[$0]?.name.text }
  }

  private func delete(_ rule: RoutingRule) throws -> [String] {
    let kernel = try kernel()
    for found in try kernel.observe(Question(.rules)).rules ?? [] where found.rule == rule {
      try kernel.apply(.deleteRule(found))
    }
    return []
  }

  private static func runIptables(_ name: String, _ words: [String]) throws -> [String] {
    guard let program = ExternalProgram(named: name) else { throw Failure(description: "\(name) is gone") }
    // Another program may hold iptables' lock for a moment.
    try program.run(["-w", "10"] + words)
    return []
  }

  private func lookAgain() throws -> [String] {
    switch Recognition(try HostTraces(reading: kernel())) {
    case .nothing: return []
    case .contradictory(let problems): throw Failure(description: problems.joined(separator: "; "))
    case .found:
      throw Failure(
        description: "something brought the recipe back meanwhile; find out what, and run adopt again")
    }
  }
}
