import Kernel
import Model
import Reconciliation

/// What a pass gives reason for, and what neither a repair nor READY waits for.
struct Aftermath {
  var areForeignChainsDue = false
  var areFlowsDue = false
  /// How flows left when that was last known.
  var translation: Translation?
}

extension Daemon {
  /// Notes what the pass gives reason for; it is done in the loop's next round, behind the kernel's events.
  func arrangeAftermath(_ outcome: Reconciler.Outcome, _ dirty: Domains, _ cause: PassCause) {
    // Passes after a failure look at everything, and come quickly one after the other.
    if dirty.isSuperset(of: .resync), cause != .retry { aftermath.areForeignChainsDue = true }
    if case .cloud(_, let cloud, _) = outcome.decision.policy, let wan = outcome.decision.wan {
      let translation = situation.translation(cloud, wan)
      if translation != aftermath.translation || outcome.plan.changesTranslation {
        aftermath.areFlowsDue = true
      }
      aftermath.translation = translation
    }
    if aftermath.areForeignChainsDue || aftermath.areFlowsDue && outcome.isVerified {
      aftermathTrigger?.trigger()
    }
  }

  func seeToAftermath() {
    if aftermath.areFlowsDue { freeFlows() }
    if aftermath.areForeignChainsDue { lookForForeignChains() }
  }

  /// What others drop of the forwarded packets is told of, and is theirs to change.
  private func lookForForeignChains() {
    aftermath.areForeignChainsDue = false
    do throws(KernelError) { ledger.forwardChains = try kernel.foreignForwardChains() } catch {
      log.write(.debug, "\(error)")
    }
    tellService()
  }
}
