import CEvent
import Glibc

/// Something that calls back from an `EventLoop` until it is cancelled or released.
public final class EventSource {
  enum Kind {
    case descriptor(Int32, Int16)
    case timer(Repetition)
    case signal(Int32)

    /// For errors.
    var attempt: String {
      switch self {
      case .descriptor(let fd, let direction):
        "watching descriptor \(fd) for \(Int32(direction) == EV_READ ? "input" : "output")"
      case .timer: "starting a timer"
      case .signal(let number): "watching signal \(number)"
      }
    }
  }
  enum Repetition { case onDemand, once, periodic }

  // Held so that the base outlives the event.
  private let loop: EventLoop
  private let kind: Kind
  private var event: OpaquePointer?
  private var body: (() -> Void)?

  init(
    on loop: EventLoop, _ kind: Kind, after delay: Duration? = nil,
    urgency: EventLoop.Urgency = .ordinary, _ body: @escaping () -> Void
  ) throws(EventLoopError) {
    self.loop = loop
    self.kind = kind
    self.body = body
    let (fd, flags): (Int32, Int32) =
      switch kind {
      case .descriptor(let fd, let direction): (fd, Int32(direction) | EV_PERSIST)
      case .timer(.once), .timer(.onDemand): (-1, 0)
      case .timer(.periodic): (-1, EV_PERSIST)
      case .signal(let number): (number, EV_SIGNAL | EV_PERSIST)
      }
    event = event_new(
      loop.base, fd, Int16(flags),
      { _, _, context in
        guard let context else { return }
        Unmanaged<EventSource>.fromOpaque(context).takeUnretainedValue().fire()
      }, Unmanaged.passUnretained(self).toOpaque())
    guard let event, event_priority_set(event, urgency.rawValue) == 0 else {
      throw .libevent(attempt: kind.attempt)
    }
    if case .timer(.onDemand) = kind { return }
    try add(after: delay)
  }

  deinit { cancel() }

  /// No callback comes after this. Allowed at any time, from inside the callback too, and more than once.
  public func cancel() {
    guard let event else { return }
    self.event = nil
    body = nil
    event_free(event)
  }

  public var isCancelled: Bool { event == nil }

  /// Starts a timer anew, whether it has run or not; for a periodic one this is its interval from now on.
  /// A cancelled timer stays cancelled.
  public func rearm(after delay: Duration) throws(EventLoopError) {
    guard case .timer = kind else { throw .notATimer }
    guard event != nil else { return }
    try add(after: delay)
  }

  /// Calls back in the loop's next round, once, whatever the source waits for otherwise. Needs no memory and
  /// so cannot fail.
  public func trigger() {
    if let event { event_active(event, EV_TIMEOUT, 0) }
  }

  /// Stops a timer for now; `rearm(after:)` starts it again.
  public func disarm() throws(EventLoopError) {
    guard case .timer = kind else { throw .notATimer }
    if let event { event_del(event) }
  }

  private func add(after delay: Duration?) throws(EventLoopError) {
    guard let event else { return }
    errno = 0
    let result: Int32
    if let delay {
      var timeout = delay.timeval
      result = event_add(event, &timeout)
    } else {
      result = event_add(event, nil)
    }
    guard result == 0 else {
      let error = SystemError.last
      throw error.rawValue == 0
        ? .libevent(attempt: kind.attempt) : .system(attempt: kind.attempt, error)
    }
  }

  /// The body may cancel or release this source, so both are held until it returns.
  private func fire() {
    withExtendedLifetime(self) { body?() }
  }
}
