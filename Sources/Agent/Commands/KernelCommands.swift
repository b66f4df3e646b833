import Configuration
import EventLoop
import Glibc
import Kernel
import Model
import Reconciliation
import Report

extension Tool {
  /// liteboxd-agent plan
  func plan() -> Int32 {
    attempt {
      // What run would use. A plan's own statuses leave none for a configuration that cannot be used.
      guard let (loaded, _) = try? configurationOrLastGood(Log(level: .error)) else {
        return ExitStatus.failure
      }
      let kernel = try Kernel()
      let situation = try situationToPlanFor(loaded.configuration, kernel)
      let plan = try Reconciler(kernel, as: .onlooker).plan(loaded.configuration, situation)
      let lines = plan.lines { situation.links[$0]?.name.text }
      print(lines.isEmpty ? "in sync\n" : lines.map { terminalSafe($0) + "\n" }.joined(), to: 1)
      return plan.isEmpty ? ExitStatus.success : ExitStatus.changesPending
    }
  }

  /// A daemon knows which exit it uses and why; without one, it is found out.
  private func situationToPlanFor(_ configuration: AgentConfiguration, _ kernel: Kernel) throws -> Situation {
    if try InstanceLock.holder() != nil {
      do {
        let status = try AgentStatus(json: try ask(.get, "/status", timeout: .seconds(2)))
        return Situation(status, configuration, try kernel.observe(Question(.situational)))
      } catch {
        Tool.complain("\(error); planning without the daemon")
      }
    }
    let log = Log(level: .warning)
    if configuration.isEndToEnd {
      Tool.complain("without the daemon exits are asked for their own answer alone, not end to end")
    }
    return try SituationSurvey(configuration.withoutEndToEnd, log).run(
      kernel, formerNetwork: formerNetwork(log), pinned: pinnedExit(log))
  }

  /// liteboxd-agent apply
  func apply() -> Int32 {
    attempt {
      try demandCapabilities([.networkAdministration, .rawNetwork])
      let lock = try InstanceLock()
      let loaded = try configuration()
      let log = Log(level: .warning)
      return try withExtendedLifetime(lock) {
        let kernel = try Kernel()
        let survey = try SituationSurvey(loaded.configuration, log) { situation in
          guard loaded.configuration.isEndToEnd else { return }
          _ = try self.reconcile(loaded.configuration, situation, .all, kernel, log)
        }
        let situation = try survey.run(
          kernel, formerNetwork: formerNetwork(log), pinned: pinnedExit(log))
        try store.save(loaded)
        return try settle(loaded.configuration, situation, .all, kernel, log)
      }
    }
  }

  /// liteboxd-agent guard
  func installGuard() -> Int32 {
    attempt {
      try demandCapabilities([.networkAdministration])
      let log = Log(level: .warning)
      let (loaded, _) = try configurationOrLastGood(log)
      if let holder = try InstanceLock.holder() {
        print("the daemon, process \(holder), holds the guard already\n", to: 1)
        return ExitStatus.success
      }
      let lock = try InstanceLock()
      return try withExtendedLifetime(lock) {
        let kernel = try Kernel()
        var situation = Situation()
        situation.inherit(from: kernel, loaded.configuration, formerNetwork: formerNetwork(log), log)
        return try settle(loaded.configuration, situation, .all.subtracting(.sysctls), kernel, log)
      }
    }
  }

  func reconcile(
    _ configuration: AgentConfiguration, _ situation: Situation, _ domains: Domains, _ kernel: Kernel,
    _ log: Log
  ) throws -> Reconciler.Outcome {
    let reconciler = Reconciler(kernel, as: .holder, noteFormer: SysctlRecord.keeper(log))
    let decision = Decision(configuration, situation)
    return reconciler.reconcile(domains, to: decision, previous: (decision, decision.desired), errors: [])
  }

  /// One pass, told of on standard output.
  private func settle(
    _ configuration: AgentConfiguration, _ situation: Situation, _ domains: Domains, _ kernel: Kernel,
    _ log: Log
  ) throws -> Int32 {
    let outcome = try reconcile(configuration, situation, domains, kernel, log)
    let decision = outcome.decision
    for line in outcome.plan.lines(naming: { situation.links[$0]?.name.text }) {
      print(terminalSafe(line) + "\n", to: 1)
    }
    for error in outcome.errors { Tool.complain("\(error)") }
    print(decision.isOpen ? "open\n" : "closed\n", to: 1)
    for reason in decision.reasons {
      print("  \(terminalSafe(reason.message)); \(terminalSafe(reason.remedy))\n", to: 1)
    }
    guard outcome.isVerified else {
      Tool.complain("the kernel is not as wanted")
      return ExitStatus.failure
    }
    return ExitStatus.success
  }

  /// liteboxd-agent teardown
  func teardown() -> Int32 {
    attempt {
      try demandCapabilities([.networkAdministration])
      let lock = try InstanceLock()
      guard try isConfirmed() else { return ExitStatus.failure }
      return try withExtendedLifetime(lock) {
        let kernel = try Kernel()
        // First of all, so that a cloud server never forwards without the table that translates addresses.
        var record = try SysctlRecord()
        for line in try record.restore(leaving: parametersToLeave) {
          print(terminalSafe(line) + "\n", to: 1)
        }
        let links = try kernel.observe(Question(.links)).links ?? [:]
        let question = Question([.rules, .strayRoutes, .nftables])
        let plan = Plan(from: try kernel.observe(question), to: .nothing, as: .onlooker)
        for step in plan.steps {
          try kernel.apply(step.operation)
          for line in step.operation.lines(naming: { links[$0]?.name.text }) {
            print(terminalSafe(line) + "\n", to: 1)
          }
        }
        let rest = Plan(from: try kernel.observe(question), to: .nothing, as: .onlooker)
        guard rest.isEmpty else {
          Tool.complain("something came back while it was removed; run teardown again")
          return ExitStatus.failure
        }
        return ExitStatus.success
      }
    }
  }

  /// On a Kubernetes node others rely on forwarding, and found it on when they started; a cloud server forwards for
  /// the agent alone. Without a configuration to tell, nothing is risked, but for one who says that nobody does.
  private var parametersToLeave: Set<Sysctl.Key> {
    if invocation.flags.contains("--restore-forwarding") { return [] }
    if case .cloud? = readableConfiguration?.configuration.role { return [] }
    return [.ipv4Forwarding]
  }

  private func isConfirmed() throws -> Bool {
    if invocation.flags.contains("--yes") { return true }
    guard isatty(0) == 1 else {
      Tool.complain("teardown: say --yes; from then on nothing keeps sandbox traffic from the uplink")
      return false
    }
    print(
      "Remove all that liteboxd-agent owns? Nothing will keep sandbox traffic from the uplink. [y/N] ", to: 1)
    let isYes = readLine()?.lowercased() == "y"
    if !isYes { Tool.complain("nothing was changed") }
    return isYes
  }

  /// liteboxd-agent version
  func version() -> Int32 {
    let build = BuildIdentity.current
    print(
      "liteboxd-agent \(build.version) (\(build.commit))\nkernel \(terminalSafe(KernelRelease.running.text))\n",
      to: 1)
    print("nftables tables that nobody but their owner can change: \(exclusiveTables)\n", to: 1)
    return ExitStatus.success
  }

  private var exclusiveTables: String {
    do throws(KernelError) {
      return try Kernel().tableOwnership() == .exclusive ? "yes" : "no; the agent watches its table instead"
    } catch {
      return "unknown: \(error)"
    }
  }
}

extension AgentConfiguration {
  fileprivate var isEndToEnd: Bool {
    if case .gateway(let gateway) = role { gateway.probe.isEndToEnd } else { false }
  }

  /// For one who changes nothing: end-to-end checks need routes of the agent's.
  var withoutEndToEnd: AgentConfiguration {
    guard case .gateway(var gateway) = role else { return self }
    gateway.probe.through = []
    gateway.probe.publicAddress = nil
    var configuration = self
    configuration.role = .gateway(gateway)
    return configuration
  }
}
