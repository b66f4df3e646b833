import EventLoop
import Model

/// What became of each echo request; no I/O, and time is a parameter. Sequence numbers are given out in order, so
/// that the requests form a queue and a number is a place in it.
struct EchoLedger {
  enum Answer: Equatable {
    case inTime(exit: Int, Duration)
    /// Asked for too long ago: counted as lost already.
    case late(exit: Int, Duration)
    case duplicate(exit: Int)
    /// Nobody was asked so, or somebody else.
    case stranger
  }

  private struct Request {
    let exit: Int
    let address: IPAddress
    let sentAt: MonotonicTime
    var fate: Fate = .open
  }

  private enum Fate { case open, answered, lost }

  private let timeout: Duration
  private var requests: [Request] = []
  /// The queue's first request is at `head`, with sequence number `first`.
  private var head = 0
  private var first: UInt16 = 0
  /// Of the queue's first that is neither answered nor lost, from `head`; those before it are.
  private var settled = 0

  /// Half of the sequence numbers: an answer to one is told from an answer to the number that came round again.
  private static let limit = 32_768
  /// So many times the timeout a request is remembered, to tell late answers from strangers'.
  private static let memory = 3

  init(timeout: Duration) { self.timeout = timeout }

  private var count: Int { requests.count - head }

  /// The number to send next. `sent` has to follow.
  var nextSequence: UInt16 { first &+ UInt16(truncatingIfNeeded: count) }

  mutating func sent(to exit: Int, at address: IPAddress, _ now: MonotonicTime) {
    forget(now)
    requests.append(Request(exit: exit, address: address, sentAt: now))
  }

  mutating func answered(_ sequence: UInt16, from source: IPAddress, _ now: MonotonicTime) -> Answer {
    let place = Int(sequence &- first)
    guard place < count, requests[head + place].address == source else { return .stranger }
    let request = requests[head + place]
    // A wall clock that was set may have it answered before it was asked.
    let took = max(.zero, now - request.sentAt)
    switch request.fate {
    case .answered: return .duplicate(exit: request.exit)
    case .lost:
      requests[head + place].fate = .answered
      return .late(exit: request.exit, took)
    case .open:
      // Left to `expire`, which may not have run yet.
      guard took <= timeout else { return .late(exit: request.exit, took) }
      requests[head + place].fate = .answered
      return .inTime(exit: request.exit, took)
    }
  }

  /// The exits whose answers are overdue, each once for each request.
  mutating func expire(_ now: MonotonicTime) -> [Int] {
    var lost: [Int] = []
    while settled < count, now - requests[head + settled].sentAt >= timeout {
      if requests[head + settled].fate == .open {
        requests[head + settled].fate = .lost
        lost.append(requests[head + settled].exit)
      }
      settled += 1
    }
    return lost
  }

  /// When the next answer will be overdue; nil: none is awaited.
  mutating func nextExpiry() -> MonotonicTime? {
    while settled < count, requests[head + settled].fate != .open { settled += 1 }
    return settled < count ? requests[head + settled].sentAt + timeout : nil
  }

  /// Only what is settled is forgotten, whatever it costs: an open request is owed a verdict.
  private mutating func forget(_ now: MonotonicTime) {
    while settled > 0, now - requests[head].sentAt > timeout * Self.memory || count >= Self.limit {
      head += 1
      first &+= 1
      settled -= 1
    }
    if head > 1024, head * 2 > requests.count {
      requests.removeFirst(head)
      head = 0
    }
  }
}
