import Configuration

/// What probes say of one exit. No clock and no I/O: time is counted in probes.
///
///     unknown ──answer──▶ healthy ──loss──▶ suspect ──failAfter losses──▶ unhealthy
///        │                   ▲ ◀──answer───────┘                              │
///        └─failAfter losses──┼────────────────────────────────────────────▶   │
///                            └──────────── recoverAfter answers ──────────────┘
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
    /// The tunnel is another one than before: what was known of the path is void.
    case reset
  }

  public private(set) var state: State = .unknown
  private var consecutiveLosses = 0
  private var consecutiveAnswers = 0

  public init() {}

  /// Healthy enough to carry traffic.
  public var isUsable: Bool { state == .healthy || state == .suspect }

  public mutating func take(_ input: Input, _ settings: ProbeSettings) {
    switch input {
    case .answered:
      consecutiveLosses = 0
      consecutiveAnswers += 1
      switch state {
      case .unknown, .healthy, .suspect: state = .healthy
      case .unhealthy: if consecutiveAnswers >= settings.recoverAfter { state = .healthy }
      }
    case .lost:
      consecutiveAnswers = 0
      consecutiveLosses += 1
      switch state {
      case .healthy, .suspect: state = consecutiveLosses >= settings.failAfter ? .unhealthy : .suspect
      case .unknown: if consecutiveLosses >= settings.failAfter { state = .unhealthy }
      case .unhealthy: break
      }
    case .notSent:
      consecutiveAnswers = 0
    case .reset:
      self = ExitHealth()
    }
  }
}
