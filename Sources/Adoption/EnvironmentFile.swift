/// A file of `EnvironmentFile=`, read as systemd reads it (systemd.exec(5); the states are those of systemd's
/// basic/env-file.c): comments, continued lines, and values that are quoted as a whole or in part.
public struct EnvironmentFile: Equatable, Sendable {
  /// By name; of a name that is assigned twice the last value.
  public private(set) var values: [String: String] = [:]

  private enum State {
    case beforeKey, key, beforeValue, value, escaped, singleQuoted, doubleQuoted, doubleQuotedEscape
    case comment, escapedInComment
  }

  private var state = State.beforeKey
  private var key: [UInt8] = []
  private var value: [UInt8] = []
  /// How much of the value stays whatever white space ends it.
  private var kept = 0

  public init(parsing text: [UInt8]) {
    for byte in text { take(byte) }
    switch state {
    case .beforeValue, .value, .escaped, .singleQuoted, .doubleQuoted, .doubleQuotedEscape: assign()
    case .beforeKey, .key, .comment, .escapedInComment: break
    }
    (key, value, kept, state) = ([], [], 0, .beforeKey)
  }

  private mutating func take(_ byte: UInt8) {
    switch state {
    case .beforeKey: beginKey(byte)
    case .key: continueKey(byte)
    case .beforeValue, .value: takeValue(byte)
    case .escaped:
      state = .value
      if !Self.isNewline(byte) { keep(byte) }
    case .singleQuoted: if byte == Self.singleQuote { state = .beforeValue } else { keep(byte) }
    case .doubleQuoted: takeQuoted(byte)
    case .doubleQuotedEscape: takeEscaped(byte)
    case .comment:
      if byte == Self.backslash {
        state = .escapedInComment
      } else if Self.isNewline(byte) {
        state = .beforeKey
      }
    case .escapedInComment: state = .comment
    }
  }

  private mutating func beginKey(_ byte: UInt8) {
    if byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";") {
      state = .comment
    } else if !Self.isBlank(byte) {
      (state, key, value, kept) = (.key, [byte], [], 0)
    }
  }

  private mutating func continueKey(_ byte: UInt8) {
    if Self.isNewline(byte) {
      state = .beforeKey
    } else if byte == UInt8(ascii: "=") {
      state = .beforeValue
    } else {
      key.append(byte)
    }
  }

  /// Quotes count at the beginning of a value, and behind a quoted part of it.
  private mutating func takeValue(_ byte: UInt8) {
    switch byte {
    case _ where Self.isNewline(byte):
      assign()
      state = .beforeKey
    case Self.backslash: state = .escaped
    case Self.singleQuote where state == .beforeValue: state = .singleQuoted
    case Self.doubleQuote where state == .beforeValue: state = .doubleQuoted
    case _ where Self.isBlank(byte): if state == .value { value.append(byte) }
    default:
      state = .value
      keep(byte)
    }
  }

  private mutating func takeQuoted(_ byte: UInt8) {
    switch byte {
    case Self.doubleQuote: state = .beforeValue
    case Self.backslash: state = .doubleQuotedEscape
    default: keep(byte)
    }
  }

  private mutating func takeEscaped(_ byte: UInt8) {
    state = .doubleQuoted
    if Self.isNewline(byte) { return }
    // What a shell needs escaped there; before anything else the backslash is one.
    if !"\"\\`$".utf8.contains(byte) { keep(Self.backslash) }
    keep(byte)
  }

  private mutating func keep(_ byte: UInt8) {
    value.append(byte)
    kept = value.count
  }

  private mutating func assign() {
    while let last = key.last, Self.isBlank(last) { key.removeLast() }
    values[String(decoding: key, as: UTF8.self)] = String(decoding: value.prefix(kept), as: UTF8.self)
  }

  private static let backslash = UInt8(ascii: "\\")
  private static let singleQuote = UInt8(ascii: "'")
  private static let doubleQuote = UInt8(ascii: "\"")
  private static func isNewline(_ byte: UInt8) -> Bool { byte == 0x0a || byte == 0x0d }
  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || isNewline(byte) }
}

/// The numbers of routing tables by their names: lines of /etc/iproute2/rt_tables, `100 zerotier-egress`.
public func routingTableNames(parsing text: [UInt8]) -> [String: UInt32] {
  var names: [String: UInt32] = [:]
  for line in String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline) {
    let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
    guard words.count == 2 else { continue }
    let isHexadecimal = words[0].hasPrefix("0x")
    guard
      let number = UInt32(isHexadecimal ? words[0].dropFirst(2) : words[0], radix: isHexadecimal ? 16 : 10)
    else { continue }
    names[String(words[1])] = number
  }
  return names
}
