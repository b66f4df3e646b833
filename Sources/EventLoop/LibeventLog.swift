import CEvent
import Synchronization

/// Where libevent's own messages go. It has one place for the whole process; without a sink they are
/// counted and dropped, and never written to standard error. libevent ends the process after some errors (a lost
/// epoll descriptor, no memory): set a sink to learn why.
public enum LibeventLog {
  public enum Severity: Sendable { case debug, notice, warning, error }
  public typealias Sink = @Sendable (Severity, String) -> Void

  private static let sink = Mutex<Sink?>(nil)
  private static let dropped = Atomic<Int>(0)

  /// Messages that came while there was no sink.
  public static var droppedMessages: Int { dropped.load(ordering: .relaxed) }

  /// The sink may be called from any thread that runs a loop; it must not call libevent.
  public static func setSink(_ new: Sink?) {
    install()
    sink.withLock { $0 = new }
  }

  /// event_set_log_callback(3), once.
  static func install() { _ = installed }

  private static let installed: Void = event_set_log_callback { severity, message in
    LibeventLog.take(severity, message.map { String(cString: $0) } ?? "")
  }

  private static func take(_ severity: Int32, _ message: String) {
    guard let sink = sink.withLock({ $0 }) else {
      dropped.add(1, ordering: .relaxed)
      return
    }
    switch severity {
    case EVENT_LOG_DEBUG: sink(.debug, message)
    case EVENT_LOG_MSG: sink(.notice, message)
    case EVENT_LOG_WARN: sink(.warning, message)
    default: sink(.error, message)
    }
  }
}
