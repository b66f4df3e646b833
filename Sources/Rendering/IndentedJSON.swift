import JSON

extension JSONValue {
  /// The document for people, ending in a newline: a member and an item on each line, but for what is small.
  var indented: String { indented(by: 0) + "\n" }

  private func indented(by depth: Int) -> String {
    let short = text
    if short.utf8.count + 2 * depth <= 100 { return short }
    switch self {
    case .array(let items): return block("[", items.map { $0.indented(by: depth + 1) }, "]", depth)
    case .object(let members):
      let lines = members.map { "\(JSONValue.string($0.key).text): \($0.value.indented(by: depth + 1))" }
      return block("{", lines, "}", depth)
    case .null, .bool, .integer, .number, .string: return short
    }
  }

  private func block(_ open: String, _ lines: [String], _ close: String, _ depth: Int) -> String {
    let indent = String(repeating: "  ", count: depth)
    return open + "\n" + lines.map { indent + "  " + $0 }.joined(separator: ",\n") + "\n" + indent + close
  }
}
