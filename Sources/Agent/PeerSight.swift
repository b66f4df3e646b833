import Configuration
import Model
import Reconciliation
import ZeroTier

/// What ZeroTier's API shows of an exit's node. Hints, which no decision rests on: a dead path is shown as it was for
/// four minutes, and a relayed one like a dead one. That something changed is a reason to probe at once.
struct PeerSight: Equatable {
  var path: PeerPath
  var latency: Duration?
  var version: String?
  /// Since something last came by a direct path.
  var silence: Duration?
  /// Since when packets have been relayed without a break, on the loop's monotonic clock.
  var relayedSince: Duration?

  /// One that the node does not know.
  static let unknown = PeerSight(path: .unknown)

  init(path: PeerPath) { self.path = path }

  /// - Parameter clock: the node's own, when it answered.
  init(_ report: PeerReport, clock: Duration?) {
    path = report.path
    latency = report.latency
    version = report.version
    if let clock, let last = report.lastReceive { silence = max(.zero, clock - last) }
  }

  /// A direct path was not found for so long that it will not come by itself.
  static let relayedTooLong = Duration.seconds(60)
}

extension Situation {
  /// Takes what ZeroTier said of the exits' nodes. True: a path is another than before.
  mutating func take(
    peers answers: [ZeroTierNodeID: Result<PeerReport?, APIFailure>], clock: Duration?
  ) -> Bool {
    var isChanged = false
    for (id, answer) in answers {
      guard case .success(let report) = answer else { continue }
      let before = peers[id]
      var sight = report.map { PeerSight($0, clock: clock) } ?? .unknown
      sight.relayedSince = before?.relayedSince
      if let before, before.path != sight.path { isChanged = true }
      peers[id] = sight
    }
    return isChanged
  }

  /// Whether packets are relayed shows only together with the probes.
  /// - Parameter now: monotonic time since any fixed point.
  mutating func noteRelays(_ gateway: GatewaySettings, now: Duration) {
    for exit in gateway.exits {
      guard let id = exit.nodeID, let sight = peers[id] else { continue }
      let isRelayed = sight.path.knowing(isAnswering(exit) ? .answered : .silent) == .relayed
      peers[id]?.relayedSince = isRelayed ? sight.relayedSince ?? now : nil
    }
  }

  /// Whether the exit itself answers, whatever is behind it.
  func isAnswering(_ exit: Exit) -> Bool { health[exit.name]?[.echo]?.isUsable ?? false }
}
