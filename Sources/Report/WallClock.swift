/// Says in the wall clock's terms when things happened that are kept as times since the boot: after the clock was
/// set, what was three seconds ago still was three seconds ago.
public struct WallClock: Hashable, Sendable {
  /// The wall clock's time of the boot, since the epoch.
  private var boot: Duration?
  /// The wall clock is drawn along slowly as well (adjtimex(2)): no reason to say another time of what has not
  /// changed.
  private static let tolerance = Duration.seconds(1)

  public init() {}

  /// Both are of the same moment.
  public mutating func follow(sinceEpoch: Duration, sinceBoot: Duration) {
    let reading = sinceEpoch - sinceBoot
    if let boot, max(reading - boot, boot - reading) < WallClock.tolerance { return }
    boot = reading
  }

  /// When it was so long after the boot. Until the clock was followed the boot counts as the epoch.
  public func time(at sinceBoot: Duration) -> Timestamp {
    Timestamp(secondsSinceEpoch: ((boot ?? .zero) + sinceBoot).components.seconds)
  }
}
