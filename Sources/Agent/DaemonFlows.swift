import Configuration
import Kernel
import Model
import Reconciliation

extension Daemon {
  /// A flow that began before there was source NAT stays untranslated as long as connection tracking knows it: the
  /// guard drops it, and whoever sends goes on in vain. Once the table was changed and lets traffic out, such flows begin
  /// anew; others are left alone.
  func freeUntranslatedFlows(_ outcome: Reconciler.Outcome) {
    guard outcome.isVerified, outcome.decision.isOpen,
      case .cloud(_, let cloud, let networks) = outcome.decision.policy,
      outcome.plan.steps.contains(where: { $0.operation.kind == .nftables })
    else { return }
    // This server itself, and the other members of the network, are reached without translation.
    let own = situation.addresses.filter { $0.address.family == .ipv4 }.map { CIDR($0.address) }
    do throws(KernelError) {
      let count = try kernel.forgetUntranslated(cloud.sources, sparing: cloud.sources + networks + own)
      if count > 0 {
        log.write(.notice, "flows that were not translated begin anew", [("count", "\(count)")])
      }
    } catch {
      log.write(.warning, "\(error); flows that began before source NAT may hang")
    }
  }
}
