import Glibc

/// How often a dump is made again that something changed meanwhile, before that is an error.
struct DumpTries {
  static let limit = 30
  /// With addresses or rules by the thousand one reading takes so long that all else would wait for thirty.
  static let patience = Duration.milliseconds(500)

  private(set) var count = 0
  private let start = now()

  /// Counts one more if it may be made: two may in any case.
  mutating func areLeft() -> Bool {
    guard count < 2 || count < Self.limit && Self.now() - start < Self.patience else { return false }
    count += 1
    return true
  }

  /// Since any fixed point.
  private static func now() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }
}
