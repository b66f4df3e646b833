import Configuration
import Kernel
import Model
import Reconciliation

extension Daemon {
  /// Flows that began before there was source NAT are untranslated as long as connection tracking knows them: the guard
  /// drops them, and whoever sends goes on in vain. Flows that leave as what this server no longer is get no answer
  /// either. Both kinds begin anew; others are left alone.
  func freeFlows() {
    guard ledger.isInSync, let decision = last?.decision, decision.isOpen,
      case .cloud(_, let cloud, let surroundings) = decision.policy
    else { return }
    aftermath.areFlowsDue = false
    // This server itself, and the other members of the network, are reached without translation.
    let own = situation.addresses.map(\.address).filter { $0.family == .ipv4 }
    let meant = FlowsToForget(
      from: cloud.sources, sparing: cloud.sources + surroundings.networks + own.map { CIDR($0) },
      translations: aftermath.translation?.addresses, own: Set(own))
    do throws(KernelError) {
      let count = try kernel.forget(meant)
      log.write(.debug, "connection tracking was looked through")
      if count.untranslated > 0 {
        log.write(.notice, "flows that were not translated begin anew", [("count", "\(count.untranslated)")])
      }
      if count.stale > 0 {
        log.write(
          .notice, "flows of an address that is not in use any more begin anew",
          [("count", "\(count.stale)")])
      }
    } catch {
      log.write(.warning, "\(error); flows that began before the change may hang")
    }
  }
}

extension Situation {
  /// How flows leave through that WAN.
  func translation(_ cloud: CloudSettings, _ wan: WAN) -> Translation {
    let loopback = link(named: .loopback).map { addresses(on: $0).map(\.address) } ?? []
    return Translation(cloud, wan, loopback: loopback)
  }
}
