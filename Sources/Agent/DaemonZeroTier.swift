import Configuration
import EventLoop
import Model
import Reconciliation
import Report
import ZeroTier

extension Daemon {
  func askZeroTier() {
    let peers: [ZeroTierNodeID] = if case .gateway(let gateway) = configuration.role { gateway.exits.compactMap(\.nodeID) } else { [] }
    // False: the last question is still open, and its answer will do.
    _ = zerotier?.poll(peers: peers) { [unowned self] in answered($0) }
  }

  /// A link came or went: it may be the network's, under whatever name.
  func askZeroTierSoon() {
    guard loop.now - ledger.zerotierAskedAt > Self.shortestPause else { return }
    askZeroTier()
  }

  private static let shortestPause = Duration.milliseconds(100)

  private func answered(_ poll: ZeroTierPoll) {
    ledger.zerotierAskedAt = loop.now
    ledger.isZeroTierAsked = true
    let before = situation
    situation.take(poll)
    // A failure is counted each time, a word is not: it stands until the next.
    if case .failure(let failure) = poll.network { ledger.counters.recordZeroTierAPIError(kind: failure.kind) }
    if before.apiFailure != situation.apiFailure { logReachability() }
    let isChanged = before.word != situation.word || before.reportedInterface != situation.reportedInterface
    // Parameters below /proc/sys are looked at along with ZeroTier: not every kernel tells of their changes.
    pass(isChanged ? [.sysctls, .links, .addresses] : .sysctls, cause: .zerotier)
  }

  private func logReachability() {
    guard let failure = situation.apiFailure else { return log.write(.notice, "ZeroTier's API answers again") }
    log.write(.warning, failure.message, [("remedy", failure.remedy)])
  }
}
