import JSON

/// How much a log line matters. Raw values are syslog's priorities (RFC 5424, section 6.2.1): smaller matters more.
public enum LogLevel: Int, Hashable, Comparable, Sendable, CaseIterable {
  case error = 3
  case warning = 4
  case notice = 5
  case info = 6
  case debug = 7

  /// As the configuration writes it.
  public var name: String {
    switch self {
    case .error: "error"
    case .warning: "warning"
    case .notice: "notice"
    case .info: "info"
    case .debug: "debug"
    }
  }

  public init?(name: String) {
    guard let level = LogLevel.allCases.first(where: { $0.name == name }) else { return nil }
    self = level
  }

  /// Ordered by how much they matter: `debug < error`.
  public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue > b.rawValue }
}

/// Something to be logged.
public struct LogEntry: Equatable, Sendable {
  public struct Field: Equatable, Sendable {
    public var key: String
    public var value: String

    public init(_ key: String, _ value: String) {
      self.key = key
      self.value = value
    }
  }

  public var level: LogLevel
  public var message: String
  public var fields: [Field]

  public init(_ level: LogLevel, _ message: String, _ fields: [(key: String, value: String)] = []) {
    self.level = level
    self.message = message
    self.fields = fields.map { Field($0.key, $0.value) }
  }
}

/// One entry as one line, whatever the strings in it: none can begin a line, pose as a field or reach the terminal.
public enum LogLine {
  public enum Format: Hashable, Sendable {
    /// For systemd's journal on standard error: `<N>` before the message (sd-daemon(3)); the journal has the time.
    case journal
    /// Time, level, message and `key=value`, for people.
    case text
    /// One object a line.
    case json
  }

  /// A moment of the wall clock, to the millisecond.
  public struct Moment: Equatable, Sendable {
    public var second: Timestamp
    public var milliseconds: Int

    public init(_ second: Timestamp, milliseconds: Int = 0) {
      self.second = second
      self.milliseconds = milliseconds
    }
  }

  /// The line, ended.
  public static func render(_ entry: LogEntry, at moment: Moment, as format: Format) -> String {
    switch format {
    case .journal: "<\(entry.level.rawValue)>" + body(entry) + "\n"
    case .text:
      moment.text + " " + entry.level.name.padded(to: 7) + " " + body(entry) + "\n"
    case .json: object(entry, moment).text + "\n"
    }
  }

  private static func body(_ entry: LogEntry) -> String {
    var body = message(entry.message)
    body.reserveCapacity(512)
    for field in entry.fields {
      let (key, value) = (key(field.key), value(field.value))
      guard body.utf8.count + key.utf8.count + value.utf8.count + 2 <= longestBody else { return body + " …" }
      for part in [" ", key, "=", value] { body += part }
    }
    return body
  }

  /// As it is where it can be told from fields; quoted where it has an equals sign.
  private static func message(_ text: String) -> String {
    let text = shortened(text, to: longestMessage)
    return text.utf8.contains(UInt8(ascii: "=")) || text.isEmpty ? quoted(text) : terminalSafe(text)
  }

  private static func value(_ text: String) -> String {
    let text = shortened(text, to: longestValue)
    let isBare = !text.isEmpty && text.utf8.allSatisfy(isBare)
    return isBare ? text : quoted(text)
  }

  private static func quoted(_ text: String) -> String {
    guard !text.utf8.allSatisfy(isPlain) else { return "\"\(text)\"" }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\" + String(scalar)
      default:
        if ScalarKind(scalar) == .unsafe {
          quoted += escaped(scalar)
        } else {
          quoted.unicodeScalars.append(scalar)
        }
      }
    }
    return quoted + "\""
  }

  /// Keys are ours; should one not be a plain word, it is made one.
  private static func key(_ key: String) -> String {
    key.utf8.allSatisfy(isOfKey)
      ? key : String(decoding: key.utf8.map { isOfKey($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
  }

  private static func object(_ entry: LogEntry, _ moment: Moment) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("time", .string(moment.text)), .init("level", .string(entry.level.name)),
      .init("message", .string(shortened(entry.message, to: longestMessage))),
    ]
    for field in entry.fields {
      var key = key(field.key)
      while members.contains(where: { $0.key == key }) { key += "_" }
      members.append(.init(key, .string(shortened(field.value, to: longestValue))))
    }
    return .object(members)
  }

  private static func shortened(_ text: String, to limit: Int) -> String {
    let scalars = text.unicodeScalars
    guard text.utf8.count > limit, scalars.count > limit else { return text }
    return String(String.UnicodeScalarView(scalars.prefix(limit - 1))) + "…"
  }

  // Characters, each of which an escape makes up to 10 octets.
  private static let longestMessage = 2_000
  private static let longestValue = 1_000
  /// Octets. The journal splits a line of more than 48 KiB (journald.conf(5), LineMax), and what follows would count
  /// as a line of its own.
  private static let longestBody = 40_000

  private static func isOfKey(_ octet: UInt8) -> Bool {
    switch octet {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: "._-".utf8.contains(octet)
    }
  }

  /// In a value that needs no quotes.
  private static func isBare(_ octet: UInt8) -> Bool { isOfKey(octet) || ":/@%+,".utf8.contains(octet) }

  /// Between quotes, as it is.
  private static func isPlain(_ octet: UInt8) -> Bool {
    (0x20...0x7e).contains(octet) && octet != UInt8(ascii: "\"") && octet != UInt8(ascii: "\\")
  }
}

extension LogLine.Moment {
  fileprivate var text: String { second.text(milliseconds: milliseconds) }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + spaces(width - count) }
}
