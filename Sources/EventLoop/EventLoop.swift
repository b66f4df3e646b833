import CEvent
import Glibc

/// One thread's event loop: libevent's event_base on epoll(7), with timers on the monotonic clock.
///
/// Everything made from a loop belongs to the thread that runs it. A source lives as long as somebody
/// holds it; the loop holds none. A loop without sources sleeps until it is killed.
public final class EventLoop {
  let base: OpaquePointer

  /// Asks for timerfd-exact timers, a clock read after each callback, and no say for environment
  /// variables such as EVENT_NOEPOLL.
  public init() throws(EventLoopError) {
    LibeventLog.install()
    guard let config = event_config_new() else {
      throw .libevent(attempt: "configuring the event loop")
    }
    defer { event_config_free(config) }
    let flags = [
      EVENT_BASE_FLAG_PRECISE_TIMER, EVENT_BASE_FLAG_NO_CACHE_TIME, EVENT_BASE_FLAG_IGNORE_ENV,
      EVENT_BASE_FLAG_NOLOCK,
    ]
    event_config_set_flag(config, Int32(flags.reduce(0) { $0 | $1.rawValue }))
    // After each callback that is not urgent the loop looks whether something more urgent has come up.
    event_config_set_max_dispatch_interval(config, nil, 1, Urgency.ordinary.rawValue)
    guard let base = event_base_new_with_config(config) else {
      throw .libevent(attempt: "creating the event loop")
    }
    guard event_base_priority_init(base, Int32(Urgency.allCases.count)) == 0 else {
      event_base_free(base)
      throw .libevent(attempt: "setting the event loop's priorities")
    }
    let backend = String(cString: event_base_get_method(base))
    guard backend == "epoll" else {
      event_base_free(base)
      throw .noEpoll(backend: backend)
    }
    self.base = base
  }

  deinit { event_base_free(base) }

  public var now: MonotonicTime { .now }

  /// Handles events until `stop()`; not to be called from inside a callback.
  public func run() throws(EventLoopError) {
    guard event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY) >= 0 else {
      throw .libevent(attempt: "running the event loop")
    }
  }

  /// From inside a callback: `run()` returns as soon as the callback does. Events that wait are kept.
  public func stop() { event_base_loopbreak(base) }

  /// What is called back first, when several things have come up. Raw values are libevent's priorities.
  public enum Urgency: Int32, CaseIterable, Sendable {
    /// Before everything else, however much else there is.
    case urgent = 0
    case ordinary
    /// What strangers ask for: when nothing of the program's own is left to do.
    case patient
  }

  /// Calls back for as long as the descriptor has something to read, or has ended. The descriptor stays
  /// the caller's and must be open until the source is cancelled.
  public func watch(
    readable fd: Int32, _ urgency: Urgency = .ordinary, _ body: @escaping () -> Void
  ) throws(EventLoopError) -> EventSource {
    try EventSource(on: self, .descriptor(fd, Int16(EV_READ)), urgency: urgency, body)
  }

  /// Calls back for as long as the descriptor takes output, or has failed.
  public func watch(
    writable fd: Int32, _ urgency: Urgency = .ordinary, _ body: @escaping () -> Void
  ) throws(EventLoopError) -> EventSource {
    try EventSource(on: self, .descriptor(fd, Int16(EV_WRITE)), urgency: urgency, body)
  }

  /// First after one interval. Intervals that a long callback or a suspended process missed are left out.
  public func every(_ interval: Duration, _ body: @escaping () -> Void) throws(EventLoopError) -> EventSource
  {
    try EventSource(on: self, .timer(.periodic), after: interval, body)
  }

  /// Once, never before `after` has returned; a delay of zero or less means as soon as possible.
  public func after(_ delay: Duration, _ body: @escaping () -> Void) throws(EventLoopError) -> EventSource {
    try EventSource(on: self, .timer(.once), after: delay, body)
  }

  /// Only after `trigger()` or `rearm(after:)`: to do something once, a little later, however often it was
  /// asked for.
  public func onTrigger(_ body: @escaping () -> Void) throws(EventLoopError) -> EventSource {
    try EventSource(on: self, .timer(.onDemand), body)
  }

  /// Takes the signal's disposition while the source lives, through libevent: only one loop of a process
  /// can watch signals at a time. The body runs in the loop, not in the signal handler.
  public func signal(_ number: Int32, _ body: @escaping () -> Void) throws(EventLoopError) -> EventSource {
    try EventSource(on: self, .signal(number), body)
  }
}
