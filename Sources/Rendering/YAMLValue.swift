/// A YAML document in block style, for generated files. Every scalar is a text: what a reader could take for a number,
/// a truth value, null or a date stands in quotes, and so does all that is not plainly a word.
public indirect enum YAMLValue: Hashable, Sendable {
  case text(String)
  case list([YAMLValue])
  case mapping([Member])

  public struct Member: Hashable, Sendable {
    public var key: String
    public var value: YAMLValue
    /// Lines above the key, without their `#`; printable, since they stand as they are.
    public var comments: [String]

    public init(_ key: String, _ value: YAMLValue, comments: [String] = []) {
      self.key = key
      self.value = value
      self.comments = comments
    }
  }

  public static func texts(_ texts: some Sequence<String>) -> YAMLValue { .list(texts.map(YAMLValue.text)) }
}

extension YAMLValue {
  /// The document below the comments, ending in a newline.
  public func document(comments: [String] = []) -> String {
    (comments.map(YAMLValue.comment) + lines).joined(separator: "\n") + "\n"
  }

  private var lines: [String] {
    switch self {
    case .text(let text): [YAMLValue.scalar(text)]
    case .list(let items): items.flatMap { YAMLValue.hung($0.lines) }
    case .mapping(let members): members.flatMap(\.lines)
    }
  }

  /// Behind a list's dash.
  private static func hung(_ lines: [String]) -> [String] {
    lines.enumerated().map { ($0.offset == 0 ? "- " : "  ") + $0.element }
  }

  fileprivate static func comment(_ text: String) -> String { text.isEmpty ? "#" : "# " + text }

  fileprivate var isEmpty: Bool {
    switch self {
    case .text: false
    case .list(let items): items.isEmpty
    case .mapping(let members): members.isEmpty
    }
  }

  /// A text of printable ASCII goes plain or in single quotes, which have one escape (YAML 1.1, 9.1.2 and 9.1.3).
  static func scalar(_ text: String) -> String {
    if isPlain(text) { return text }
    let isPrintable = text.unicodeScalars.allSatisfy { (" "..."~").contains($0) }
    guard isPrintable else { return "\"" + text.unicodeScalars.map(escaped).joined() + "\"" }
    return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }

  /// Begins with a letter, and is none of the words that mean something to YAML 1.1.
  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.utf8.first, isLetter(first) else { return false }
    let isWord = text.utf8.allSatisfy {
      isLetter($0) || (0x30...0x39).contains($0) || [0x2d, 0x2e, 0x2f, 0x5f].contains($0)
    }
    return isWord && !meaningful.contains(text.lowercased())
  }

  private static func isLetter(_ octet: UInt8) -> Bool {
    (0x61...0x7a).contains(octet) || (0x41...0x5a).contains(octet)
  }

  private static let meaningful: Set<String> = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]

  /// In double quotes (YAML 1.1, 5.7).
  private static func escaped(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\"": "\\\""
    case "\\": "\\\\"
    case " "..."~": String(scalar)
    default: "\\U" + padded(String(scalar.value, radix: 16), to: 8)
    }
  }

  private static func padded(_ digits: String, to width: Int) -> String {
    String(repeating: "0", count: width - digits.count) + digits
  }
}

extension YAMLValue.Member {
  fileprivate var lines: [String] {
    comments.map(YAMLValue.comment) + [YAMLValue.scalar(key) + ":" + first] + rest
  }

  /// What stands behind the colon.
  private var first: String {
    switch value {
    case .text(let text): " " + YAMLValue.scalar(text)
    case .list: value.isEmpty ? " []" : ""
    case .mapping: value.isEmpty ? " {}" : ""
    }
  }

  private var rest: [String] {
    switch value {
    case .text: []
    case .list, .mapping: value.lines.map { "  " + $0 }
    }
  }
}
