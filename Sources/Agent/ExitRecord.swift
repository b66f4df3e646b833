import EventLoop
import Model
import Reconciliation

/// What the probes showed of one exit, for the status alone.
struct ExitRecord {
  /// Of the last echo that was answered in time.
  private(set) var roundTrip: Duration?
  /// Of the last connection to the Internet.
  var throughTime: Duration?
  /// What the Internet last saw through it.
  var seenAddress: IPAddress?
  /// Why each check does not succeed.
  private var problems = [String?](repeating: nil, count: ExitHealth.Check.allCases.count)
  /// Checks that this host had nothing left for, when they were last due.
  private var unasked: Set<ExitHealth.Check> = []
  /// Answers that came when they had been counted as lost, and second answers to one request.
  private(set) var late: UInt64 = 0
  var duplicates: UInt64 = 0
  private var lastLate: Duration?
  /// The last `window` echo requests as a ring: microseconds, `lost` where no answer came in time.
  private var history: [UInt32] = []
  private var next = 0
  private var losses = 0

  static let window = 60
  private static let lost = UInt32.max

  /// 0 to 1 over the last `window` that were sent; nil before the first ended.
  var lossRatio: Double? { history.isEmpty ? nil : Double(losses) / Double(history.count) }

  /// The first check's that does not succeed.
  var problem: String? { problems.lazy.compactMap { $0 }.first }

  subscript(problemOf check: ExitHealth.Check) -> String? {
    get { problems[check.rawValue] }
    set { problems[check.rawValue] = newValue }
  }

  /// Not all is known of it that should be, for want of descriptors or memory here.
  var isUnasked: Bool { !unasked.isEmpty }

  mutating func note(_ check: ExitHealth.Check, isAsked: Bool) {
    if isAsked { unasked.remove(check) } else { unasked.insert(check) }
  }

  /// An echo request was answered in time.
  mutating func noteAnswer(_ took: Duration) {
    roundTrip = took
    lastLate = nil
    remember(UInt32(clamping: min(took.wholeNanoseconds / 1_000, Int64(Self.lost - 1))))
  }

  mutating func noteLoss() { remember(Self.lost) }

  private mutating func remember(_ outcome: UInt32) {
    if outcome == Self.lost { losses += 1 }
    if history.count < Self.window {
      history.append(outcome)
      return
    }
    if history[next] == Self.lost { losses -= 1 }
    history[next] = outcome
    next = (next + 1) % Self.window
  }

  /// Of the last `window` that were sent, the oldest first, in seconds; nil for a loss.
  var roundTrips: [Double?] {
    (history[next...] + history[..<next]).map { $0 == Self.lost ? nil : Double($0) / 1e6 }
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
    seenAddress = nil
    for place in problems.indices { problems[place] = nil }
    unasked = []
  }

  private func text(_ time: Duration) -> String { "\(time.wholeNanoseconds / 1_000_000) ms" }
}
