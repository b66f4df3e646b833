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

  /// So long nothing may need a repair until a fight is over.
  static let peace = Duration.seconds(10)

  /// So many repairs are a fight, if no more than `peacefulPerSecond` are forgotten meanwhile.
  static let fight = 100.0
  static let peacefulPerSecond = 10.0

  private var recent = 0.0
  private var inHand = RepairPace.burst
  private var refilledAt: Duration
  private var repairedAt: Duration
  /// nil: repairs are immediate.
  public private(set) var delay: Duration?
  /// Repairs are undone again and again, whether they are slowed or not yet.
  public private(set) var isFight = false

  /// - Parameter now: monotonic time since any fixed point, here and below.
  public init(now: Duration) {
    refilledAt = now
    repairedAt = now
  }

  /// Notes that drift was repaired.
  public mutating func repaired(now: Duration) {
    settle(now)
    repairedAt = now
    inHand = max(0, inHand - 1)
    recent = min(2 * Self.fight, recent + 1)
    if recent >= Self.fight { isFight = true }
    if let delay {
      self.delay = min(Self.longestDelay, delay * 2)
    } else if inHand < 1 {
      delay = Self.shortestDelay
    }
  }

  /// How long the next pass has to wait.
  public mutating func wait(now: Duration) -> Duration {
    settle(now)
    return delay ?? .zero
  }

  /// Lets time pass: a fight is over when nothing needed a repair for so long, whether or not something happens then.
  public mutating func settle(_ now: Duration) {
    inHand = min(Self.burst, inHand + (now - refilledAt) / .seconds(1) * Self.perSecond)
    recent = max(0, recent - (now - refilledAt) / .seconds(1) * Self.peacefulPerSecond)
    refilledAt = now
    if now - repairedAt > Self.peace { (delay, isFight) = (nil, false) }
  }
}
