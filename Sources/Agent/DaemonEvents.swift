import Configuration
import EventLoop
import Reconciliation
import Report

/// The history of events: recorded where the log is written, kept on disk when nothing else is to be done.
extension Daemon {
  /// In memory alone, so that it may stand anywhere.
  func record(_ happening: Happening) {
    switch history.record(happening) {
    case .new: keepHistory(after: DaemonOptions.historyPause)
    case .folded: keepHistory(after: DaemonOptions.foldedPause)
    }
  }

  func recordStart() {
    record(.started(version: BuildIdentity.current.version))
    if let configurationError { record(.configurationRefused(cause: "start", error: configurationError)) }
  }

  /// At the earliest of the times that were asked for.
  private func keepHistory(after delay: Duration) {
    let due = loop.now + delay
    if let historyDue, historyDue <= due { return }
    historyDue = due
    rearm(historyTimer, after: delay)
  }

  func seeToHistory() {
    historyDue = nil
    if !history.keep() { keepHistory(after: DaemonOptions.historyRetry) }
  }

  /// Tells when somebody begins to undo repairs again and again, and when that is over.
  func tellFight() {
    guard pace.isFight != ledger.isFightTold else { return }
    ledger.isFightTold = pace.isFight
    guard pace.isFight else {
      log.write(.notice, "the fight over the kernel's state is over", [eventField(.fightEnded)])
      return record(.fightEnded)
    }
    let names = ledger.opponents.names
    log.write(
      .warning, "a fight over the kernel's state began",
      [("by", names.joined(separator: ", ")), eventField(.fightBegan)])
    record(.fightBegan(with: names))
  }

  /// The answer to GET /events?since=N: what happened, or happened again, after number N.
  func answerEvents(since query: String?) -> HTTPResponse {
    guard let number = Self.number(query) else {
      return HTTPResponse(status: 400, "expected since=N, the number of an event")
    }
    return HTTPResponse(json: history.answer(since: number, run: ledger.startedAt.wholeNanoseconds).json())
  }

  private static func number(_ query: String?) -> Int64? {
    guard let query, !query.isEmpty else { return 0 }
    guard query.hasPrefix("since="), let number = Int64(query.dropFirst("since=".utf8.count)), number >= 0
    else { return nil }
    return number
  }
}

/// What a pass changed, in words.
struct Change {
  /// Of the first steps.
  let lines: [String]
  /// Of all.
  let count: Int
  let took: Duration

  /// So many steps of a plan are put into words.
  static let mostSteps = 256

  /// Its first commands.
  var text: String { lines.prefix(8).joined(separator: "; ") + (count > 8 ? "; …" : "") }

  func repair(by opponents: [String]) -> Happening {
    .driftRepaired(.init(changes: lines, by: opponents, seconds: took / .seconds(1), total: count))
  }
}

/// The field by which programs know a log line; it stays when the words change.
func eventField(_ kind: Happening.Kind) -> (key: String, value: String) { ("event", kind.rawValue) }

extension Situation {
  /// Why other exits were chosen; nil: it is not known, or goes without saying.
  func reason(for after: [String], insteadOf before: [String], _ gateway: GatewaySettings) -> String? {
    if let pinned = choice.pinned, after == [pinned] { return "traffic is pinned to \(pinned)" }
    for name in before where !after.contains(name) {
      if let problem = exitProblems[name] { return "\(name): \(problem)" }
    }
    let order = gateway.exits.map(\.name)
    guard let old = before.first.flatMap(order.firstIndex(of:)),
      let new = after.first.flatMap(order.firstIndex(of:))
    else { return nil }
    return new < old ? "\(order[new]) is preferred and has answered for long enough" : nil
  }
}
