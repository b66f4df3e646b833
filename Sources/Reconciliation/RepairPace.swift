/// How soon the next repair may be made. Repairs are immediate, until somebody undoes them so long and so often
/// that it is a fight; then each waits twice as long as the one before, so that the agent never takes the host's
/// time for it. Time is a parameter.
public struct RepairPace: Sendable {
  /// Repairs in hand at first: some seconds of the fastest repairing there is.
  static let burst = 2_000.0
  /// Repairs that are given back in a second of peace or war.
  static let perSecond = 50.0
  static let shortestDelay = Duration.milliseconds(5)
  static let longestDelay = Duration.seconds(1)

  private var inHand = RepairPace.burst
  private var refilledAt: Duration
  /// nil: no fight.
  public private(set) var delay: Duration?

  /// - Parameter now: monotonic time since any fixed point, here and below.
  public init(now: Duration) { refilledAt = now }

  /// Notes that drift was repaired.
  public mutating func repaired(now: Duration) {
    refill(now)
    inHand -= 1
    if inHand < 1 {
      inHand = 0
      delay = min(Self.longestDelay, delay.map { $0 * 2 } ?? Self.shortestDelay)
    } else if inHand > Self.burst / 2 {
      delay = nil
    }
  }

  /// How long the next pass has to wait.
  public mutating func wait(now: Duration) -> Duration {
    refill(now)
    if inHand > Self.burst / 2 { delay = nil }
    return delay ?? .zero
  }

  private mutating func refill(_ now: Duration) {
    let seconds = Double((now - refilledAt) / .seconds(1))
    inHand = min(Self.burst, inHand + seconds * Self.perSecond)
    refilledAt = now
  }
}
