import Configuration
import Doctor
import Glibc
import Kernel
import Model
import Reconciliation

/// Compares the kernel with what it should hold, as `plan` does.
struct StateSurvey {
  private let kernel: Kernel
  private let configuration: AgentConfiguration

  init(_ kernel: Kernel, _ configuration: AgentConfiguration) {
    self.kernel = kernel
    self.configuration = configuration
  }

  /// What is pending is looked at again a little later: a daemon may be about to do it.
  func run(_ situation: Situation) throws -> Reading<StateReading> {
    var reading = compare(situation)
    for _ in 0..<Self.tries where !reading.plan.isEmpty {
      usleep(100_000)
      reading = compare(situation)
    }
    return .known(reading)
  }

  private static let tries = 3

  private func compare(_ situation: Situation) -> StateReading {
    let desired = Decision(configuration, situation).desired
    let reconciler = Reconciler(kernel, as: .onlooker)
    var observed = ObservedState()
    var unreadable: [ObjectKind: String] = [:]
    for (kind, domains) in Self.kinds {
      let (found, errors) = reconciler.read(Question(domains, for: desired))
      observed.merge(found)
      if let error = errors.first { unreadable[kind] = error.whyUnread }
    }
    return StateReading(
      desired: desired, observed: observed, plan: Plan(from: observed, to: desired, as: .onlooker),
      unreadable: unreadable, names: situation.links.mapValues(\.name.text))
  }

  private static let kinds: [(ObjectKind, Domains)] = [
    (.rule, .rules), (.route, [.routes, .strayRoutes]), (.nftables, .nftables), (.sysctl, .sysctls),
  ]
}
