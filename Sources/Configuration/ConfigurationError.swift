/// A place in a text. Both count from 1; a column is one Unicode scalar, as libyaml counts.
public struct TextPosition: Hashable, Comparable, Sendable {
  public let line: Int
  public let column: Int

  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  public static func < (a: TextPosition, b: TextPosition) -> Bool { (a.line, a.column) < (b.line, b.column) }

  static let start = TextPosition(line: 1, column: 1)
}

/// One thing that is wrong with a configuration file. Names and values from the file stand escaped in it, so it may
/// go to a terminal, a log or a metric as it is.
public struct ConfigurationError: Error, Hashable, Sendable {
  /// The file as it was asked for.
  public let path: String
  /// nil when the file as a whole could not be read.
  public let position: TextPosition?
  /// `gateway.exits[1].address`; empty when no key is meant.
  public let key: String
  /// What is wrong and what was expected.
  public let problem: String
  /// What was probably meant: the nearest valid key, word or value.
  public let suggestion: String?

  public var line: Int? { position?.line }
  public var column: Int? { position?.column }
}

extension ConfigurationError: CustomStringConvertible {
  /// `/etc/liteboxd/agent.yaml:12:5: gateway.egresIP: unknown key; did you mean "egressIP"?`
  public var description: String {
    let hint = suggestion.map { "; did you mean \"\($0)\"?" } ?? ""
    return diagnosticPrefix(path, position, key) + problem + hint
  }
}

/// Something in a usable file that has no effect, or hardly the one that was meant.
public struct ConfigurationWarning: Hashable, Sendable, CustomStringConvertible {
  public let path: String
  public let position: TextPosition
  public let key: String
  public let message: String

  public var description: String { diagnosticPrefix(path, position, key) + message }
}

/// All that was found wrong with a file, in the file's order: at least one, and at most 20 of what may be more.
public struct ConfigurationErrors: Error, Hashable, Sendable {
  public static let limit = 20

  /// What a one-line report shows.
  public let headline: ConfigurationError
  /// The headline and the others.
  public let all: [ConfigurationError]

  public init(_ first: ConfigurationError, _ others: [ConfigurationError] = []) {
    headline = first
    all = Array(([first] + others).prefix(ConfigurationErrors.limit))
  }
}

extension ConfigurationErrors: CustomStringConvertible {
  /// One line: the headline, and how many more there are in `all`.
  public var description: String {
    let others = all.count - 1
    return headline.description + (others > 0 ? " (and \(others) more)" : "")
  }
}

private func diagnosticPrefix(_ path: String, _ position: TextPosition?, _ key: String) -> String {
  let place = position.map { ":\($0.line):\($0.column)" } ?? ""
  return "\(printable(path, limit: 4096))\(place): " + (key.isEmpty ? "" : key + ": ")
}
