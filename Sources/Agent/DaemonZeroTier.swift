import Configuration
import EventLoop
import Model
import Reconciliation
import Report
import ZeroTier

extension Daemon {
  func askZeroTier() {
    let peers: [ZeroTierNodeID] =
      if case .gateway(let gateway) = configuration.role { gateway.exits.compactMap(\.nodeID) } else { [] }
    // False: the last question is still open, and its answer will do.
    _ = zerotier?.poll(peers: peers) { [unowned self] in answered($0) }
  }

  /// A link came or went. Without a tunnel it may be the network's, under whatever name: ZeroTier knows.
  func expectTunnel() {
    guard last?.decision.tunnel?.isUp != true else { return }
    eagerUntil = loop.now + DaemonOptions.eagerTime
    rearm(zerotierSoon, after: .zero)
  }

  private func answered(_ poll: ZeroTierPoll) {
    ledger.isZeroTierAsked = true
    let before = situation
    situation.take(poll)
    // A failure is counted each time, a word is not: it stands until the next.
    if case .failure(let failure) = poll.network {
      ledger.counters.recordZeroTierAPIError(kind: failure.kind)
    }
    if before.apiFailure != situation.apiFailure { logReachability() }
    let isChanged = before.word != situation.word || before.reportedInterface != situation.reportedInterface
    // Parameters below /proc/sys are looked at along with ZeroTier: not every kernel tells of their changes.
    pass(isChanged ? [.sysctls, .links, .addresses] : .sysctls, cause: .zerotier)
    if last?.decision.tunnel?.isUp != true, loop.now < eagerUntil {
      rearm(zerotierSoon, after: DaemonOptions.eagerPoll)
    }
  }

  private func logReachability() {
    guard let failure = situation.apiFailure else {
      return log.write(.notice, "ZeroTier's API answers again")
    }
    log.write(.warning, failure.message, [("remedy", failure.remedy)])
  }
}
