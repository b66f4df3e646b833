import Glibc

/// A moment of CLOCK_MONOTONIC: never set back or forth with the wall clock, stands still in suspend.
public struct MonotonicTime: Hashable, Comparable, Sendable {
  /// Since an arbitrary moment, the boot as a rule.
  public let nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static var now: MonotonicTime {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  public static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }

  /// Negative if `start` is later.
  public static func - (end: Self, start: Self) -> Duration {
    .nanoseconds(end.nanoseconds - start.nanoseconds)
  }

  public static func + (start: Self, distance: Duration) -> Self {
    MonotonicTime(nanoseconds: start.nanoseconds.clampedAdding(distance.wholeNanoseconds))
  }
}

extension Duration {
  /// The duration in nanoseconds, at Int64's bounds (292 years) if it is longer.
  public var wholeNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return seconds < 0 ? .min : .max }
    return whole.clampedAdding(attoseconds / 1_000_000_000)
  }

  /// For libevent and socket options: rounded up to the microsecond, at least 0, at most 100 years.
  var timeval: Glibc.timeval {
    let nanoseconds = max(0, min(wholeNanoseconds, 3_155_760_000 * 1_000_000_000))
    let microseconds = (nanoseconds + 999) / 1_000
    return Glibc.timeval(
      tv_sec: Int(microseconds / 1_000_000), tv_usec: Int(microseconds % 1_000_000))
  }
}

extension Int64 {
  fileprivate func clampedAdding(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    if overflow { return other < 0 ? .min : .max }
    return sum
  }
}
