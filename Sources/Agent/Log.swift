import Configuration
import Glibc
import Report

/// Writes log lines to standard error, which is the journal under systemd. Lines below the level are dropped.
public final class Log {
  private var level: Report.LogLevel
  private var format: LogLine.Format

  public init(level: Report.LogLevel = .info, format: LogLine.Format = Log.format(.auto)) {
    self.level = level
    self.format = format
  }

  public func configure(_ settings: LogSettings) {
    level = Self.level(settings.level)
    format = Self.format(settings.format)
  }

  /// `auto`: the journal's form if systemd says that standard error is the journal (systemd.exec(5),
  /// $JOURNAL_STREAM).
  public static func format(_ wanted: Configuration.LogFormat) -> LogLine.Format {
    switch wanted {
    case .text: .text
    case .json: .json
    case .auto: getenv("JOURNAL_STREAM") == nil ? .text : .journal
    }
  }

  private static func level(_ wanted: Configuration.LogLevel) -> Report.LogLevel {
    switch wanted {
    case .debug: .debug
    case .info: .info
    case .notice: .notice
    case .warning: .warning
    case .error: .error
    }
  }

  public func write(
    _ wanted: Report.LogLevel, _ message: String, _ fields: [(key: String, value: String)] = []
  ) {
    guard wanted >= level else { return }
    let (seconds, attoseconds) = sinceEpoch().components
    let moment = LogLine.Moment(
      Timestamp(secondsSinceEpoch: seconds), milliseconds: Int(attoseconds / 1_000_000_000_000_000))
    print(LogLine.render(LogEntry(wanted, message, fields), at: moment, as: format), to: 2)
  }
}

/// Writes all of the text to a descriptor. A reader that is gone is no error worth acting on: there is nobody
/// left to tell.
func print(_ text: String, to descriptor: Int32) {
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if written < 0 && errno == EINTR { continue }
    guard written > 0 else { return }
    rest = rest.dropFirst(written)
  }
}

/// Wall-clock time, for people; everything that decides uses the monotonic clock.
func sinceEpoch() -> Duration {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}

/// The same in whole seconds.
func wallClock() -> Timestamp { Timestamp(secondsSinceEpoch: sinceEpoch().components.seconds) }
