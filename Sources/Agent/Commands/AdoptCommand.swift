import Adoption
import Configuration
import Glibc
import Kernel
import Model
import Report

extension Tool {
  /// liteboxd-agent adopt
  func adopt() -> Int32 {
    attempt {
      try demandCapabilities([.networkAdministration, .rawNetwork])
      let existing = try existingConfiguration()
      switch Recognition(try HostTraces(reading: Kernel())) {
      case .nothing: return try finishAdoption(existing)
      case .contradictory(let problems):
        for problem in problems { Tool.complain(terminalSafe(problem)) }
        Tool.complain("nothing was changed")
        return ExitStatus.failure
      case .found(let finding):
        let network = try network(of: finding, existing)
        let text = ConfigurationText(finding, network: network).text
        let made = try AgentConfiguration(parsing: Array(text.utf8), path: "the configuration found")
        return invocation.flags.contains("--yes")
          ? try takeOver(finding, existing, text, made) : try show(finding, existing, text, made)
      }
    }
  }

  /// nil: there is no such file. One that cannot be used is an error.
  private func existingConfiguration() throws -> LoadedConfiguration? {
    HostFile.exists(invocation.configurationPath) ? try configuration() : nil
  }

  private func network(of finding: FoundRecipe, _ existing: LoadedConfiguration?) throws -> Found<
    ZeroTierNetworkID
  > {
    if let given = invocation.networkID { return Found(given, at: ["--network-id"]) }
    if let existing { return Found(existing.configuration.zerotier.networkID, at: [existing.path]) }
    return try NetworkSearch(finding: finding).run()
  }

  // MARK: Telling

  private func show(
    _ finding: FoundRecipe, _ existing: LoadedConfiguration?, _ text: String, _ made: AgentConfiguration
  ) throws -> Int32 {
    print(text, to: 1)
    let problems = existing.map { disagreements($0, finding) } ?? []
    guard problems.isEmpty else {
      tellDisagreement(problems)
      return ExitStatus.success
    }
    let steps = TakeOver(self, finding, existing, text: text).steps(existing?.configuration ?? made)
    let (services, problem) = Services.find(configuration: invocation.configurationPath)
    let titles = steps.map(\.title) + (services == nil ? [] : [Services.title])
    tell("adopt --yes would, in this order:")
    for (number, title) in titles.enumerated() { tell("  \(number + 1). \(title)") }
    if services == nil { Services.byHand(problem, configuration: invocation.configurationPath).forEach(tell) }
    for note in finding.notes { tell("note: \(note)") }
    tell("nothing was changed")
    return ExitStatus.success
  }

  private func tell(_ line: String) { print(terminalSafe(line) + "\n", to: 2) }

  private func disagreements(_ existing: LoadedConfiguration, _ finding: FoundRecipe) -> [String] {
    var problems = existing.configuration.disagreements(with: finding)
    if let given = invocation.networkID, given != existing.configuration.zerotier.networkID {
      problems.append(
        "zerotier.networkID is \(existing.configuration.zerotier.networkID), and --network-id \(given)")
    }
    return problems
  }

  private func tellDisagreement(_ problems: [String]) {
    for problem in problems {
      Tool.complain("\(terminalSafe(invocation.configurationPath)): \(terminalSafe(problem))")
    }
    Tool.complain(
      "the configuration that is there says other than the host; correct it, or move it away and have adopt write it"
    )
  }

  // MARK: Taking over

  private func takeOver(
    _ finding: FoundRecipe, _ existing: LoadedConfiguration?, _ text: String, _ made: AgentConfiguration
  ) throws -> Int32 {
    let problems = existing.map { disagreements($0, finding) } ?? []
    guard problems.isEmpty else {
      tellDisagreement(problems)
      return ExitStatus.failure
    }
    let takeOver = TakeOver(self, finding, existing, text: text)
    let steps = takeOver.steps(existing?.configuration ?? made)
    do {
      let lock = try InstanceLock()
      defer { takeOver.close() }
      let isDone = withExtendedLifetime(lock) { perform(steps, finding) }
      guard isDone else { return ExitStatus.failure }
    }
    for note in finding.notes { say("note: \(note)") }
    guard startServices(after: steps.count) else {
      tellWays(finding)
      return ExitStatus.failure
    }
    say("taken over; to go back:")
    for line in WayBack(finding).lines { say("  \(line)") }
    return ExitStatus.success
  }

  private func say(_ line: String) { print(terminalSafe(line) + "\n", to: 1) }

  /// True: all were done.
  private func perform(_ steps: [TakeOver.Step], _ finding: FoundRecipe) -> Bool {
    for (number, step) in steps.enumerated() {
      say("\(number + 1). \(step.title)")
      do {
        for line in try step.perform() { say("   \(line)") }
      } catch {
        Tool.complain("step \(number + 1): \(terminalSafe("\(error)"))")
        if number == 0 { Tool.complain("nothing was changed") } else { tellWays(finding) }
        return false
      }
    }
    return true
  }

  private func tellWays(_ finding: FoundRecipe) {
    Tool.complain(
      "the steps before were done; correct this and run liteboxd-agent adopt --yes again to go on; to go back:"
    )
    for line in WayBack(finding).lines { tell("  \(line)") }
  }

  /// True: the agent runs, or what is left to do by hand was told.
  private func startServices(after count: Int) -> Bool {
    let (services, problem) = Services.find(configuration: invocation.configurationPath)
    guard let services else {
      Services.byHand(problem, configuration: invocation.configurationPath).forEach(say)
      return true
    }
    say("\(count + 1). \(Services.title)")
    do {
      try services.start()
      let status = try AgentStatus(json: try ask(.get, "/status"))
      say("   the agent runs, and is \(status.phase.rawValue)")
      return true
    } catch {
      Tool.complain(
        "step \(count + 1): \(terminalSafe("\(error)")); see systemctl status liteboxd-agent.service")
      return false
    }
  }

  /// Nothing of the recipe is found: it was taken over, perhaps by a run that came no further, or never there.
  private func finishAdoption(_ existing: LoadedConfiguration?) throws -> Int32 {
    let header = Array(ConfigurationText.header.utf8)
    let isOurs = existing?.text.starts(with: header) ?? false
    let isRetired = [HostTraces.gatewayService, HostTraces.cloudService].contains {
      OldUnit($0).map { HostFile.exists($0.dropIn) } ?? false
    }
    guard let existing, isOurs || isRetired else {
      Tool.complain(
        "nothing to adopt: neither the recipe's units nor its rules, routes or iptables entries are on this host"
      )
      return ExitStatus.failure
    }
    let services = Services.find(configuration: existing.path).services
    guard let services, try !services.areUp() else {
      tell("nothing to adopt: the recipe was taken over before")
      return ExitStatus.success
    }
    guard invocation.flags.contains("--yes") else {
      tell("adopt --yes would \(Services.title)")
      return ExitStatus.success
    }
    return startServices(after: 0) ? ExitStatus.success : ExitStatus.failure
  }
}
