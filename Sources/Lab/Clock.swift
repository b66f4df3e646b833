import Glibc

/// A moment on the kernel's monotonic clock, in nanoseconds; nothing that sets the wall clock moves it.
public struct Moment: Hashable, Comparable, Sendable {
  public let nanoseconds: Int64
  init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static var now: Moment {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Moment(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  public static func < (a: Moment, b: Moment) -> Bool { a.nanoseconds < b.nanoseconds }
  public static func + (a: Moment, b: Duration) -> Moment {
    Moment(nanoseconds: a.nanoseconds + b.nanoseconds)
  }
  public static func - (a: Moment, b: Moment) -> Duration { .nanoseconds(a.nanoseconds - b.nanoseconds) }

  /// What is left until this moment, for poll(2): rounded up, at least 0.
  var pollTimeout: Int32 {
    let left = nanoseconds - Moment.now.nanoseconds
    return left <= 0 ? 0 : Int32(clamping: (left + 999_999) / 1_000_000)
  }

  /// Milliseconds since 1970, the clock of ZeroTier's API.
  static var wallClockMilliseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }
}

extension Duration {
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
  public var seconds: Double { Double(nanoseconds) / 1e9 }
  var wholeSeconds: Int64 { components.seconds }
}

/// Lets the thread sleep; only for waits that end at a fixed time, never for guessing when something is done.
func pause(_ time: Duration) {
  var left = timespec(
    tv_sec: Int(time.nanoseconds / 1_000_000_000), tv_nsec: Int(time.nanoseconds % 1_000_000_000))
  var rest = timespec()
  while nanosleep(&left, &rest) == -1 && errno == EINTR { left = rest }
}

/// Asks until the answer is there or the time is up, with this machine's patience. `step` is between two questions.
public func eventually<Answer>(
  within limit: Duration, step: Duration = .milliseconds(5), _ question: () throws -> Answer?
) rethrows -> Answer? {
  try eventually(until: .now + limit.patient, step: step, question)
}

/// Asks until the answer is there or that moment is past.
func eventually<Answer>(
  until end: Moment, step: Duration, _ question: () throws -> Answer?
) rethrows -> Answer? {
  while true {
    if let answer = try question() { return answer }
    if Moment.now >= end { return nil }
    pause(step)
  }
}
