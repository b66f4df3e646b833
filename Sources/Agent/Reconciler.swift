import Configuration
import Kernel
import Model
import Reconciliation

/// Holds the kernel at what the situation asks for. One pass is: observe, plan, apply, observe again.
///
///     situation ─▶ desired ┐
///                          ├─▶ plan ─▶ apply ─▶ observe again
///     kernel    ─▶ observed┘
///
/// Nothing is remembered of the kernel but for the status: each pass reads what it compares.
final class Reconciler {
  private let kernel: any KernelAccess
  private let part: Part

  /// Who holds the nftables table, and who only looks on.
  enum Part { case holder, onlooker }

  /// How the nftables table is held; nil for one who only looks on, and until the kernel has said what it can do.
  private(set) var ownership: NftablesOwnership?

  /// Without an answer nothing is planned for the table, since it is not read.
  private var viewpoint: Plan.Viewpoint {
    switch part {
    case .holder: .holder(ownership ?? .shared)
    case .onlooker: .onlooker
    }
  }

  /// Told what a parameter was when it was first looked at. Later values are the agent's own, or drift.
  private let noteFormer: (Sysctl.Key, Int) -> Void
  private var noted: Set<Sysctl.Key> = []

  init(
    _ kernel: any KernelAccess, as part: Part,
    noteFormer: @escaping (Sysctl.Key, Int) -> Void = { _, _ in }
  ) {
    self.kernel = kernel
    self.part = part
    self.noteFormer = noteFormer
  }

  /// What a pass found and did.
  struct Outcome {
    let decision: Decision
    let desired: DesiredState
    /// What was planned, in order; all of it was done if there are no errors.
    var plan: Plan
    /// Why what would be good to have only could not be had; it is in no plan then.
    var unmet: [KernelError] = []
    /// What was still to do when the kernel was read again.
    var remainder: Plan?
    var errors: [KernelError] = []
    /// Of the domains that were looked at, as it was in the end.
    var observed: ObservedState
    var isVerified: Bool { errors.isEmpty && (remainder?.isEmpty ?? true) }
  }

  /// What parameters were is looked at again, but for those: others have been put back.
  func forgetFormers(except held: Set<Sysctl.Key>) { noted.formIntersection(held) }

  /// Reads each domain by itself, and says which could not be read.
  func read(_ question: Question) -> (ObservedState, [KernelError]) {
    var errors: [KernelError] = []
    return (observe(question, &errors), errors)
  }

  /// Reads what decisions rest on, as far as it is dirty.
  func survey(_ dirty: Domains, _ situation: inout Situation) -> [KernelError] {
    var errors: [KernelError] = []
    situation.take(observe(Question(dirty.intersection(.situational)), &errors))
    return errors
  }

  /// Makes the kernel so. `dirty` is what an event, a timer or a change of configuration gave reason to look at;
  /// domains in which something else is desired than before are looked at as well.
  func reconcile(
    _ dirty: Domains, to decision: Decision, previous: (decision: Decision, desired: DesiredState)?,
    errors: [KernelError]
  ) -> Outcome {
    // Long lists are turned into routes and sets once, not with each look.
    let isSame =
      previous.map { $0.decision.policy == decision.policy && $0.decision.network == decision.network }
      ?? false
    let desired = isSame ? previous?.desired ?? decision.desired : decision.desired
    var failures: [KernelError] = []
    let ahead = isSame ? nil : previous.flatMap { goAhead(from: $0.desired, to: desired, &failures) }
    let others = isSame ? [] : desired.domains(differingFrom: previous?.desired)
    var outcome = settle(Question(dirty.union(others), for: desired), (decision, desired), errors)
    if let ahead { outcome.plan = ahead.followed(by: outcome.plan) }
    // Told, and looked at once more, also where the rest put it right.
    outcome.errors += failures.filter { !outcome.errors.contains($0) }
    return outcome
  }

  /// Holds the kernel at what is wanted already, after others changed it.
  ///
  /// - Parameter heard: what the kernel announced of that just now, and nothing else was dirty; nil: all that is dirty
  ///   is only read.
  func hold(
    _ wanted: (decision: Decision, desired: DesiredState), _ dirty: Domains, heard: KernelEvents.Batch?
  ) -> Outcome {
    let undone = heard.map { undo($0, to: wanted) }
    var question = Question(dirty, for: wanted.desired)
    if let tables = heard?.tables { question.tables.formIntersection(tables) }
    var outcome = settle(question, wanted, [])
    if let undone { outcome.plan = undone.followed(by: outcome.plan) }
    return outcome
  }

  /// Observes, plans, applies, observes again.
  private func settle(
    _ question: Question, _ wanted: (decision: Decision, desired: DesiredState), _ errors: [KernelError]
  ) -> Outcome {
    var question = question
    question.domains.subtract(.situational)
    var errors = errors
    let desired = wanted.desired
    let observed = observe(question, &errors)
    noteFormers(desired, observed)
    var outcome = Outcome(
      decision: wanted.decision, desired: desired, plan: Plan(from: observed, to: desired, as: viewpoint),
      observed: observed)
    outcome.errors = errors
    if !outcome.plan.isEmpty {
      outcome.unmet = apply(outcome.plan, &outcome.errors)
      outcome.observed = observe(question, &outcome.errors)
      outcome.remainder = Plan(from: outcome.observed, to: desired, as: viewpoint).withoutWishes
      if !outcome.unmet.isEmpty { outcome.plan = outcome.plan.withoutWishes }
    }
    return outcome
  }

  /// Undoes what was announced before the kernel is read. As soon as something fails the rest is left to what is planned
  /// after the reading, as is what failed: then it is told of, if it fails again. Where the guard may have been changed
  /// as well, that comes first.
  private func undo(
    _ heard: KernelEvents.Batch, to wanted: (decision: Decision, desired: DesiredState)
  ) -> Plan {
    var done = Plan(steps: [])
    guard case .holder = part, !heard.drift.isEmpty, !heard.dirty.contains(.nftables) else { return done }
    let plan = Plan(undoing: heard.drift, to: wanted.desired, tunnel: wanted.decision.tunnel)
    for step in plan.steps {
      do throws(KernelError) { try kernel.apply(step.operation) } catch { break }
      done = done.followed(by: Plan(steps: [step]))
    }
    return done
  }

  /// Changes lists before the kernel is read: what comes of it is read then, and what could not be done is planned.
  /// nil: nothing was done, or not all of it.
  private func goAhead(
    from former: DesiredState, to desired: DesiredState, _ failures: inout [KernelError]
  ) -> Plan? {
    guard case .holder = part else { return nil }
    let plan = Plan(changingListsFrom: former, to: desired)
    _ = apply(plan, &failures)
    return failures.isEmpty ? plan : nil
  }

  /// What `reconcile` would do, in every domain.
  func plan(_ configuration: AgentConfiguration, _ situation: Situation) throws(KernelError) -> Plan {
    let desired = Decision(configuration, situation).desired
    let observed = try kernel.observe(Question(.all.subtracting(.situational), for: desired))
    return Plan(from: observed, to: desired, as: viewpoint)
  }

  /// Each domain by itself, so that one that cannot be read does not keep the others from being repaired.
  private func observe(_ question: Question, _ errors: inout [KernelError]) -> ObservedState {
    var state = ObservedState()
    for domain in question.domains.each {
      do throws(KernelError) {
        if domain == .nftables, part == .holder, ownership == nil {
          ownership = try kernel.tableOwnership()
        }
        let found = try kernel.observe(Question(domain, tables: question.tables, sysctls: question.sysctls))
        state.merge(found)
      } catch {
        // What could not be read before a change cannot be read after it either, and is told once.
        if !errors.contains(error) { errors.append(error) }
      }
    }
    return state
  }

  private func noteFormers(_ desired: DesiredState, _ observed: ObservedState) {
    for wanted in desired.sysctls where !noted.contains(wanted.key) {
      guard let value = observed.sysctls?[wanted.key] else { continue }
      noted.insert(wanted.key)
      noteFormer(wanted.key, value)
    }
  }

  /// After a failure what closes is still done, and nothing that opens or removes: forwarding, a parameter, opens as
  /// well, on a cloud server whose guard could not be installed. Hands back why wishes failed.
  private func apply(_ plan: Plan, _ errors: inout [KernelError]) -> [KernelError] {
    var unmet: [KernelError] = []
    for step in plan.steps where errors.isEmpty || step.stage < .setSysctls {
      do throws(KernelError) { try kernel.apply(step.operation) } catch {
        if step.operation.isWish { unmet.append(error) } else { errors.append(error) }
      }
    }
    return unmet
  }
}
