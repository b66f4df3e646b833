import Configuration

/// What probes say of one exit. No clock and no I/O: time is counted in probes.
///
///     unknown ──answer──▶ healthy ──loss──▶ suspect ──failAfter losses──▶ unhealthy
///        │                   ▲ ◀──answer───────┘                              │
///        └─failAfter losses──┼────────────────────────────────────────────▶   │
///                            └──────────── recoverAfter answers ──────────────┘
///
/// From every state, failAfter probes that could not be sent lead to unknown.
public struct ExitHealth: Equatable, Sendable {
  public enum State: String, Sendable {
    /// Nothing was heard yet, or nothing can be sent: no reason to open, and none to close what is open.
    case unknown
    case healthy
    /// Healthy so far, and the last probes were lost.
    case suspect
    case unhealthy
  }

  public enum Input: Equatable, Sendable {
    case answered
    case lost
    /// The probe could not be sent, so it says nothing of the exit.
    case notSent
  }

  public private(set) var state: State = .unknown
  private var consecutiveLosses = 0
  private var consecutiveAnswers = 0
  /// Probes without an answer in a row, lost or not sent.
  private var consecutiveSilences = 0

  public init() {}

  /// Healthy enough to carry traffic.
  public var isUsable: Bool { state == .healthy || state == .suspect }

  /// Nothing was heard yet, and not for so long that it says something.
  public func isUntried(_ settings: ProbeSettings) -> Bool {
    state == .unknown && consecutiveSilences < settings.failAfter
  }

  public mutating func take(_ input: Input, _ settings: ProbeSettings) {
    switch input {
    case .answered:
      consecutiveSilences = 0
      consecutiveLosses = 0
      consecutiveAnswers += 1
      switch state {
      case .unknown, .healthy, .suspect: state = .healthy
      case .unhealthy: if consecutiveAnswers >= settings.recoverAfter { state = .healthy }
      }
    case .lost:
      consecutiveSilences += 1
      consecutiveAnswers = 0
      consecutiveLosses += 1
      switch state {
      case .healthy, .suspect: state = consecutiveLosses >= settings.failAfter ? .unhealthy : .suspect
      case .unknown: if consecutiveLosses >= settings.failAfter { state = .unhealthy }
      case .unhealthy: break
      }
    case .notSent:
      consecutiveSilences += 1
      consecutiveAnswers = 0
      if consecutiveSilences >= settings.failAfter { state = .unknown }
    }
  }
}
