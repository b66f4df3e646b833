import Glibc

/// How much of its thread a server may spend on answers: a quarter of it in the long run, however many ask. A client
/// beyond that is told to come back, which costs next to nothing.
struct AnswerBudget {
  /// What may be spent at once, when nothing was spent for long.
  static let most = Duration.milliseconds(250)

  private var left = AnswerBudget.most
  private var filledAt: MonotonicTime

  init(now: MonotonicTime) { filledAt = now }

  /// Whether an answer may be made now.
  mutating func allows(at now: MonotonicTime) -> Bool {
    left = min(AnswerBudget.most, left + max(.zero, now - filledAt) / 4)
    filledAt = now
    return left > .zero
  }

  /// An answer took so much of the processor. However much it was, there are answers again after a few seconds.
  mutating func spend(_ time: Duration) {
    left = max(.zero - AnswerBudget.most * 4, left - max(.zero, time))
  }

  /// What the calling thread has used: a busy machine makes no answer dearer.
  static var processorTime: Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }
}
