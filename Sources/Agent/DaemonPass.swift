import CLinux
import Configuration
import EventLoop
import Kernel
import Model
import Reconciliation
import Report

extension Daemon {
  /// Observes, plans, applies, observes again. The only place that changes the kernel.
  ///
  /// - Parameters:
  ///   - since: when the event that woke the loop was read; nil: nothing woke it.
  ///   - heard: what it said, if that was just now.
  func pass(
    _ dirty: Domains, cause: PassCause, since: MonotonicTime? = nil, heard: KernelEvents.Batch? = nil
  ) {
    let start = loop.now
    // What a full reading needs is what a repair needs: it is back at once, and the rest when somebody asks for it.
    if cause == .interval { clinux_forget_program() }
    // What failed is looked at again in every pass, so that none can take a part for the whole.
    let heard = unsettled.isEmpty ? heard : nil
    let dirty = dirty.union(unsettled)
    let previous = last
    // What an earlier pass failed to do is no drift.
    let hasFailed = !ledger.errors.isEmpty
    let outcome: Reconciler.Outcome
    // Who undoes something changes nothing of what is wanted: whatever does has a pass of its own.
    if cause == .event, let previous, dirty.isDisjoint(with: .situational) {
      outcome = reconciler.hold(previous, dirty, heard: heard)
    } else {
      let errors = reconciler.survey(dirty.intersection(configuration.surveyed), &situation)
      situation.rememberNetworks(configuration.zerotier)
      followTunnel()
      let decision = Decision(configuration, situation)
      outcome = reconciler.reconcile(dirty, to: decision, previous: previous, errors: errors)
    }
    last = (outcome.decision, outcome.desired)
    followWAN()
    note(
      outcome, dirty, cause: cause, isDrift: !hasFailed && previous?.desired == outcome.desired,
      since: since ?? start)
    if outcome.isVerified {
      retryDelay = DaemonOptions.firstRetry
      unsettled = []
      leaveRole(for: outcome.desired)
      if !isSaved { saveLastGood() }
    } else {
      unsettled = .all
      delay(.all, until: retryDelay, cause: .retry)
      retryDelay = min(DaemonOptions.longestRetry, retryDelay * 2)
    }
    if let table = outcome.observed.nftables { listen(to: table) }
    tellService()
    arrangeAftermath(outcome, dirty, cause)
  }

  /// As long as others can change the table, they are heard.
  private func listen(to table: ObservedNftables) {
    let isWanted = !table.isOurs
    guard isWanted != events.hearsNftables else { return }
    do throws(KernelError) {
      try events.hearNftables(isWanted)
      // What they did in between was not heard.
      if isWanted { delay(.nftables, until: .zero, cause: .retry) }
    } catch {
      log.write(.error, "\(error)")
    }
  }

  /// Probes go through the tunnel that is there; what was known through another is void.
  private func followTunnel() {
    guard case .gateway(let gateway) = configuration.role, let prober else { return }
    let tunnel = situation.probeTunnel(configuration.zerotier, gateway)
    if let former = followed, former != tunnel?.index { changePath(gateway) }
    followed = tunnel?.index
    prober.follow(tunnel, in: situation.tunnelNetworks(configuration.zerotier))
  }

  /// What was learnt of the exits holds no more: they are asked often until one answers.
  func changePath(_ gateway: GatewaySettings) {
    situation.changePath(gateway)
    prober?.isEager = true
  }

  private func note(
    _ outcome: Reconciler.Outcome, _ dirty: Domains, cause: PassCause, isDrift: Bool, since: MonotonicTime
  ) {
    let now = loop.now
    let took = now - since
    // What could not be done is told of by its errors. What was done is told of before it is entered anywhere.
    if outcome.isVerified, !outcome.plan.isEmpty {
      let change = Change(lines: lines(outcome.plan), count: outcome.plan.changes, took: took)
      if isDrift {
        let opponents = cause == .event ? ledger.opponents.note(authors) : []
        log(change, .drift(opponents), cause)
        enter(change.repair(by: opponents), of: outcome.plan, took: took, at: now)
      } else {
        log(change, .own, cause)
      }
    }
    ledger.note(outcome)
    ledger.counters.recordReconcile(duration: took, succeeded: outcome.isVerified, at: now.sinceBoot)
    if dirty.isSuperset(of: .resync) { ledger.counters.recordResync(cause: cause.rawValue) }
    log(ledger.errors + ledger.unmet, outcome)
  }

  private func enter(_ repair: Happening, of plan: Plan, took: Duration, at now: MonotonicTime) {
    let kinds = Dictionary(grouping: plan.steps, by: \.operation.kind.rawValue).mapValues(\.count)
    ledger.counters.recordRepair(of: kinds, duration: took, at: now.sinceBoot)
    pace.repaired(now: now.sinceBoot)
    record(repair)
  }

  /// Why there was something to do.
  private enum Occasion {
    /// The agent itself wants something else than before.
    case own
    /// Somebody changed what it wants; by name, as far as that is known.
    case drift([String])
  }

  private func log(_ change: Change, _ occasion: Occasion, _ cause: PassCause) {
    let about = [("cause", cause.rawValue)]
    let work = [
      ("changes", "\(change.count)"), ("microseconds", "\(change.took.wholeNanoseconds / 1000)"),
      ("commands", change.text),
    ]
    switch occasion {
    case .own: log.write(.info, "changed the kernel's state", about + work)
    case .drift(let opponents):
      let names = opponents.isEmpty ? [] : [("by", opponents.joined(separator: ", "))]
      log.write(.notice, "repaired drift", about + names + work + [eventField(.driftRepaired)])
    }
  }

  private func lines(_ plan: Plan) -> [String] {
    plan.prefix(Change.mostSteps).lines { [situation] in situation.links[$0]?.name.text }
  }

  /// Its first commands.
  private func text(_ plan: Plan) -> String {
    Change(lines: lines(plan), count: plan.changes, took: .zero).text
  }

  /// An error that stays is told once, else each retry would say it again.
  private func log(_ errors: [KernelError], _ outcome: Reconciler.Outcome) {
    var texts = errors.map(\.description)
    // What the kernel took without a word and yet did not do, or what somebody else undid meanwhile.
    if errors.isEmpty, let rest = outcome.remainder, !rest.isEmpty {
      texts.append("the kernel is not as wanted when it is read again: \(text(rest)); it is tried again")
    }
    for text in texts { log.write(ledger.loggedErrors.contains(text) ? .debug : .error, text) }
    ledger.loggedErrors = Set(texts)
  }

  /// READY=1 only after a pass was verified by reading the kernel again.
  func tellService() {
    if ledger.isVerified, !ledger.isReadyTold {
      ledger.isReadyTold = true
      service.ready()
      clinux_forget_program()
    }
    let status = judge()
    tellFight()
    let line =
      status.phase.rawValue
      + status.reasons.enumerated().map { ($0 == 0 ? ": " : "; ") + $1.message }.joined()
    if line != ledger.statusLine {
      ledger.statusLine = line
      service.status(line)
    }
    // Messages may have measured values in them, which change with each measurement.
    let kind = [status.phase.rawValue] + status.reasons.map(\.code)
    guard kind != ledger.loggedPhase else { return }
    let former = ledger.loggedPhase.first.flatMap(Phase.init(rawValue:)) ?? .starting
    ledger.loggedPhase = kind
    log.write(
      status.phase == .ready ? .notice : .warning, "phase", [("phase", line), eventField(.phaseChanged)])
    record(.phaseChanged(from: former, to: status.phase, reasons: status.reasons.map(\.code)))
  }

  // MARK: Probes

  /// A probe was answered, lost or not sent.
  func probed(_ exit: String, _ check: ExitHealth.Check, _ input: ExitHealth.Input) {
    guard case .gateway(let gateway) = configuration.role else { return }
    let (before, after) = situation.take(input, from: check, of: exit, gateway.probe)
    // To ask often is for who waits for a first answer, and would use up what is short.
    if input == .unasked, prober?.isEager == true { prober?.isEager = false }
    let problem = prober?.problem(of: exit)
    if situation.exitProblems[exit] != problem { situation.exitProblems[exit] = problem }
    // With many exits most answers change nothing but how long an exit has been healthy.
    let now = loop.now
    guard before != after || now - chosenAt >= DaemonOptions.choicePause else { return }
    chosenAt = now
    if before != after {
      followHealth()
      let isEager = situation.health.values.allSatisfy { $0.state == .unknown }
      if prober?.isEager != isEager { prober?.isEager = isEager }
    }
    if chooseExits(gateway) { pass([], cause: .probe) }
  }

  /// Chooses anew; true: the kernel has to follow, which is the caller's to see to.
  func chooseExits(_ gateway: GatewaySettings) -> Bool {
    let before = situation.choice.active
    situation.chooseExits(gateway, now: loop.now.sinceBoot)
    let after = situation.choice.active
    guard after != before else { return false }
    if !before.isEmpty, !after.isEmpty { ledger.counters.recordExitSwitch() }
    let names = [before, after].map { $0.isEmpty ? "none" : $0.joined(separator: ", ") }
    log.write(.notice, "exit", [("from", names[0]), ("to", names[1]), eventField(.exitSwitched)])
    record(
      .exitSwitched(from: before, to: after, why: situation.reason(for: after, insteadOf: before, gateway)))
    return true
  }
}

extension MonotonicTime {
  /// For the pure core, which counts from any fixed point.
  var sinceBoot: Duration { .nanoseconds(nanoseconds) }
}
