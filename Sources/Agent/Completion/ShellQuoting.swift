extension String {
  /// With a backslash before each of these.
  func escaping(_ special: Set<Character>) -> String {
    var text = ""
    for character in self {
      if special.contains(character) { text.append("\\") }
      text.append(character)
    }
    return text
  }

  /// In single quotes, as bash and zsh read them.
  var singleQuoted: String {
    "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
  }
}

extension Operand {
  /// nil: they have to be asked for.
  var words: [String]? {
    switch self {
    case .oneOf(let words): words
    case .exit: nil
    }
  }
}

extension Invocation.Command {
  /// Of all commands, each once.
  static func optionNames(where isWanted: (CommandOption.Value) -> Bool) -> [String] {
    let all = allCases.flatMap(\.options) + CommandOption.common
    var names: [String] = []
    for option in all where option.value.map(isWanted) ?? false && !names.contains(option.name) {
      names.append(option.name)
    }
    return names
  }
}
