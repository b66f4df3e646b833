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
    let isPathChanged = situation.take(poll)
    followPaths(before: before.word, isChanged: isPathChanged)
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

  /// What ZeroTier says of the way to the exits decides nothing, and is a reason to ask them.
  private func followPaths(before word: NetworkWord, isChanged: Bool) {
    guard case .gateway(let gateway) = configuration.role else { return }
    situation.noteRelays(gateway, now: loop.now.sinceBoot)
    // While this node was shut out, no exit could answer: that says nothing of them.
    if situation.word == .ok, word.isRefusal { changePath(gateway) }
    if isChanged { prober?.probeNow() }
  }

  private func logReachability() {
    guard let failure = situation.apiFailure else {
      return log.write(.notice, "ZeroTier's API answers again")
    }
    log.write(.warning, failure.message, [("remedy", failure.remedy)])
  }
}
