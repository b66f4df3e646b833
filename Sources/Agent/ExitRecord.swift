import EventLoop
import Model
import Reconciliation

/// What the probes showed of one exit, for the status alone.
struct ExitRecord {
  /// Of the last echo that was answered in time.
  var roundTrip: Duration?
  /// Of the last connection to the Internet.
  var throughTime: Duration?
  /// What the Internet last saw through it.
  var seenAddress: IPAddress?
  /// Why each check does not succeed.
  var problems: [ExitHealth.Check: String] = [:]
  /// Echo requests by what became of them, since the agent started.
  private(set) var counts: [ExitHealth.Input: UInt64] = [.answered: 0, .lost: 0, .notSent: 0]
  /// Answers that came when they had been counted as lost, and second answers to one request.
  private(set) var late: UInt64 = 0
  var duplicates: UInt64 = 0
  private var lastLate: Duration?
  /// The last `window` echo requests as a ring: true where an answer came in time.
  private var history: [Bool] = []
  private var next = 0
  private var losses = 0

  static let window = 60

  /// 0 to 1 over the last `window` that were sent; nil before the first ended.
  var lossRatio: Double? { history.isEmpty ? nil : Double(losses) / Double(history.count) }

  /// The first check's that does not succeed.
  var problem: String? { ExitHealth.Check.allCases.lazy.compactMap { problems[$0] }.first }

  mutating func note(_ input: ExitHealth.Input) {
    counts[input, default: 0] += 1
    guard input == .answered || input == .lost else { return }
    let isAnswered = input == .answered
    if isAnswered { lastLate = nil } else { losses += 1 }
    if history.count < Self.window {
      history.append(isAnswered)
      return
    }
    if !history[next] { losses -= 1 }
    history[next] = isAnswered
    next = (next + 1) % Self.window
  }

  mutating func noteLate(_ took: Duration) {
    late += 1
    lastLate = took
  }

  func lossProblem(_ timeout: Duration) -> String {
    guard let lastLate else { return "no answer to ICMP echo within \(text(timeout))" }
    return
      "answers to ICMP echo come after \(text(lastLate)), later than gateway.probe.timeout, \(text(timeout))"
  }

  /// The link is another: what was measured was of the one before.
  mutating func forgetPath() {
    roundTrip = nil
    throughTime = nil
    problems = [:]
  }

  private func text(_ time: Duration) -> String { "\(time.wholeNanoseconds / 1_000_000) ms" }
}
