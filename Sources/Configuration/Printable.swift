// How a text from a file is shown: nothing in it may move a cursor, end a line, or turn the writing direction.

/// The text with control, format and unassigned characters, quotes and backslashes escaped, cut after `limit`
/// characters.
func printable(_ text: String, limit: Int = 80) -> String {
  var shown = ""
  for (count, scalar) in text.unicodeScalars.enumerated() {
    guard count < limit else { return shown + "…" }
    shown += printable(scalar)
  }
  return shown
}

/// The text in quotes.
func quoted(_ text: String) -> String { "\"\(printable(text))\"" }

private func printable(_ scalar: Unicode.Scalar) -> String {
  switch scalar {
  case "\n": return "\\n"
  case "\t": return "\\t"
  case "\r": return "\\r"
  case "\"": return "\\\""
  case "\\": return "\\\\"
  default: break
  }
  switch scalar.properties.generalCategory {
  case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
    return "\\u{" + String(scalar.value, radix: 16) + "}"
  default: return String(scalar)
  }
}

/// `a, b or c`
func listed(_ words: [String]) -> String {
  guard let last = words.last, words.count > 1 else { return words.first ?? "" }
  return words.dropLast().joined(separator: ", ") + " or " + last
}
