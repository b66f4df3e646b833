import Configuration

/// What one kind of question to an exit has shown. No clock and no I/O: time is counted in probes.
/// docs/exits.md has the table and the picture of its transitions; a test holds the table to this.
public struct ProbeHealth: Equatable, Sendable {
  public enum State: String, Sendable, CaseIterable {
    /// Nothing was heard yet, or nothing can be sent: no reason to open, and none to close what is open.
    case unknown
    case healthy
    /// Healthy so far, and the last probes were lost or could not be sent.
    case suspect
    case unhealthy
  }

  public enum Input: String, Sendable, CaseIterable {
    case answered
    case lost
    /// The probe could not be sent, so it says nothing of the exit.
    case notSent
    /// Link, address or ZeroTier's word on the network changed: what was learnt was of another path.
    case pathChanged
    /// This host had no descriptor or memory left to ask with: that says nothing of the exit, nor of the way to it.
    case unasked
  }

  public private(set) var state: State = .unknown
  /// Answers, losses and unsent probes in a row; a probe that was not sent interrupts no row of losses.
  private var answers = 0
  private var losses = 0
  private var unsent = 0
  /// Probes without an answer in a row, lost or not sent.
  private var silences = 0
  /// Times in a row that it could not be asked.
  private var omissions = 0
  /// It was usable no longer, and has not been healthy since.
  private var isRecovering = false
  /// How often it ceased to be usable lately.
  private var falls = 0

  public init() {}

  /// Healthy enough to carry traffic.
  public var isUsable: Bool { state == .healthy || state == .suspect }

  /// On this path it was never unhealthy, nor healthy and then not to be asked.
  public private(set) var isFresh = true

  /// Nothing was heard yet, and not for so long that it says something.
  public func isUntried(_ settings: ProbeSettings) -> Bool {
    state == .unknown && silences < settings.failAfter && !isRecovering
  }

  /// Answers in a row that make it healthy: one on a path that never failed, `recoverAfter` after a fall, and twice
  /// as many with each further fall that follows soon.
  private func answersNeeded(_ settings: ProbeSettings) -> Int {
    isRecovering ? settings.recoverAfter << min(max(falls - 1, 0), Self.longestDamping) : 1
  }

  /// 32 times `recoverAfter` at the most.
  private static let longestDamping = 5
  /// So many times `recoverAfter` answers in a row make one fall forgotten.
  private static let calm = 10

  /// So many times `failAfter` questions in a row may be left out before that counts as silence: not longer does anything
  /// stay open that nobody can judge.
  private static let patience = 10

  public mutating func take(_ input: Input, _ settings: ProbeSettings) {
    omissions = input == .unasked ? omissions + 1 : 0
    switch input {
    case .answered: takeAnswer(settings)
    case .lost: takeLoss(settings)
    case .notSent: takeUnsent(settings)
    case .pathChanged:
      let remembered = falls
      self = ProbeHealth()
      falls = remembered
    case .unasked: if omissions > Self.patience * settings.failAfter { takeUnsent(settings) }
    }
  }

  private mutating func takeAnswer(_ settings: ProbeSettings) {
    (losses, unsent, silences) = (0, 0, 0)
    answers += 1
    switch state {
    case .healthy, .suspect: state = .healthy
    case .unknown, .unhealthy:
      guard answers >= answersNeeded(settings) else { return }
      state = .healthy
      isRecovering = false
      answers = 0
    }
    if falls > 0, answers >= Self.calm * settings.recoverAfter {
      falls -= 1
      answers = 0
    }
  }

  private mutating func takeLoss(_ settings: ProbeSettings) {
    answers = 0
    unsent = 0
    losses += 1
    silences += 1
    switch state {
    case .healthy, .suspect:
      if silences >= settings.failAfter { fall(to: .unhealthy) } else { state = .suspect }
    case .unknown: if losses >= settings.failAfter { fall(to: .unhealthy) }
    case .unhealthy: break
    }
  }

  /// - Parameter next: what it is from now on; no longer usable.
  private mutating func fall(to next: State) {
    // One that did not work before has not fallen again.
    if isUsable { falls = min(falls + 1, Self.longestDamping + 1) }
    state = next
    isRecovering = true
    isFresh = false
  }

  private mutating func takeUnsent(_ settings: ProbeSettings) {
    answers = 0
    unsent += 1
    silences += 1
    switch state {
    case .healthy, .suspect:
      if silences >= settings.failAfter { fall(to: .unknown) } else { state = .suspect }
    case .unhealthy: if unsent >= settings.failAfter { state = .unknown }
    case .unknown: break
    }
  }
}
