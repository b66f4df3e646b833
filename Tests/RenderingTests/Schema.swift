import JSON

/// As much of a CRD's structural schema as Cilium's policy needs. Unlike the API server, which drops what it does not
/// know, a member without a property is an error.
struct Schema {
  let root: JSONValue
  /// Members that this version does not have yet.
  var missing: Set<String> = []

  /// What is wrong with the document, each with its path.
  func problems(of document: JSONValue) -> [String] { check(document, root, at: "") }

  private func check(_ value: JSONValue, _ given: JSONValue, at path: String) -> [String] {
    let schema = given["$ref"]?.string.flatMap { root["definitions"]?[$0] } ?? given
    switch schema["type"]?.string {
    case "object": return members(value, schema, at: path)
    case "array":
      guard let items = value.array, let schema = schema["items"] else { return ["\(path): no list"] }
      return items.enumerated().flatMap { check($0.element, schema, at: "\(path)[\($0.offset)]") }
    case "string": return text(value, schema).map { ["\(path): \($0)"] } ?? []
    case let other: return ["\(path): the schema has type \(other ?? "none")"]
    }
  }

  private func members(_ value: JSONValue, _ schema: JSONValue, at path: String) -> [String] {
    guard let members = value.members else { return ["\(path): no mapping"] }
    let names = Set(members.map(\.key))
    let required = (schema["required"]?.array ?? []).compactMap(\.string).filter { !names.contains($0) }
    return required.map { "\(path): \($0) is missing" }
      + members.flatMap { member in
        let known = missing.contains(member.key) ? nil : schema["properties"]?[member.key]
        guard let rule = known ?? schema["additionalProperties"] else {
          return ["\(path): \(member.key) is unknown"]
        }
        return check(member.value, rule, at: "\(path).\(member.key)")
      }
  }

  private func text(_ value: JSONValue, _ schema: JSONValue) -> String? {
    guard let text = value.string else { return "no text" }
    if let longest = schema["maxLength"]?.integer, text.count > longest { return "too long" }
    if let words = schema["enum"]?.array, !words.contains(value) { return "\(text) is none of \(words)" }
    guard let pattern = schema["pattern"]?.string, let expression = try? Regex(pattern) else { return nil }
    return text.wholeMatch(of: expression) == nil ? "\(text) does not match" : nil
  }
}
