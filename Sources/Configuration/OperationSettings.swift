import Model

/// `status:`, the socket that `liteboxd-agent status` asks.
public struct StatusSettings: Equatable, Sendable {
  /// Absolute path, shorter than the 108 bytes of `sun_path` (unix(7)).
  public var socket: String
  /// May read status besides root.
  public var group: String?

  public init(socket: String = "/run/liteboxd/agent.sock", group: String? = nil) {
    self.socket = socket
    self.group = group
  }
}

/// `metrics:`, where Prometheus reads.
public enum MetricsSettings: Hashable, Sendable {
  case off
  case listen(IPAddress, port: UInt16)

  /// 127.0.0.1:9479
  public static let standard = MetricsSettings.listen(.ipv4(127, 0, 0, 1), port: 9479)
}

/// `reconcile:`, what is looked at without being told.
public struct ReconcileSettings: Equatable, Sendable {
  /// Between two full reads of the kernel, 1 s to 1 h.
  public var resyncInterval: Duration
  /// Between two looks at the configuration file, 100 ms to 10 min.
  public var configPollInterval: Duration

  public init(resyncInterval: Duration = .seconds(30), configPollInterval: Duration = .seconds(2)) {
    self.resyncInterval = resyncInterval
    self.configPollInterval = configPollInterval
  }
}

/// `log:`
public struct LogSettings: Equatable, Sendable {
  public var level: LogLevel
  public var format: LogFormat

  public init(level: LogLevel = .info, format: LogFormat = .auto) {
    self.level = level
    self.format = format
  }
}

/// From the most talkative to the gravest, which is how they compare.
public enum LogLevel: String, Sendable, CaseIterable, Comparable {
  case debug, info, notice, warning, error

  public static func < (a: LogLevel, b: LogLevel) -> Bool { a.gravity < b.gravity }

  private var gravity: Int {
    switch self {
    case .debug: 0
    case .info: 1
    case .notice: 2
    case .warning: 3
    case .error: 4
    }
  }
}

public enum LogFormat: String, Sendable, CaseIterable {
  /// Priority prefixes for the journal under systemd, else text.
  case auto
  case text, json
}
