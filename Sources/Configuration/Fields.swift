/// The keys of one mapping, taken one by one by the reader of its section. What nobody took is unknown.
final class Fields {
  let place: Place
  let diagnostics: Diagnostics
  private let entries: [YAMLEntry]
  private var taken: Set<String> = []
  /// Every key that was asked for, to name the nearest.
  private var known: [String] = []

  /// nil, and reported, when the node is no mapping.
  init?(_ value: Value) {
    guard case .mapping(let entries) = value.node.content else {
      value.report("expected a mapping of keys, found \(value.node.found)")
      return nil
    }
    self.entries = entries
    place = value.place
    diagnostics = value.diagnostics
  }

  /// The value of a key that may be left out.
  func optional(_ key: String) -> Value? {
    known.append(key)
    guard let entry = entries.first(where: { $0.key == key }) else { return nil }
    taken.insert(key)
    let named = Place(position: entry.value.position, key: place.key.key(key))
    return Value(node: entry.value, place: named, keyPosition: entry.position, diagnostics: diagnostics)
  }

  /// The value of a key that may not; nil, and reported, when it is missing.
  func required(_ key: String, _ expected: String) -> Value? {
    if let value = optional(key) { return value }
    diagnostics.report(
      "missing; expected \(expected)", at: Place(position: place.position, key: place.key.key(key)))
    return nil
  }

  /// A key of the product whose feature this version does not have.
  func unsupported(_ key: String) {
    optional(key)?.reportKey("not supported by this version; remove it")
  }

  /// Reports every key that was not taken.
  func finish() {
    for entry in entries where !taken.contains(entry.key) {
      let candidates = known.filter { !taken.contains($0) }
      diagnostics.report(
        "unknown key", at: Place(position: entry.position, key: place.key.key(entry.key)),
        suggestion: nearest(to: entry.key, among: candidates.isEmpty ? known : candidates))
    }
  }
}

/// A node with its name, and what can be read from it. Each reader gives nil after it has reported why.
struct Value {
  let node: YAMLNode
  let place: Place
  let keyPosition: TextPosition
  let diagnostics: Diagnostics

  func report(_ problem: String, suggestion: String? = nil) {
    diagnostics.report(problem, at: place, suggestion: suggestion)
  }

  /// At the key instead of its value.
  func reportKey(_ problem: String, suggestion: String? = nil) {
    diagnostics.report(problem, at: Place(position: keyPosition, key: place.key), suggestion: suggestion)
  }

  func text(_ expected: String) -> String? {
    guard case .scalar(let scalar) = node.content, !scalar.isNull else {
      report("expected \(expected), found \(node.found)")
      return nil
    }
    return scalar.text
  }

  func items(_ expected: String) -> [Value]? {
    guard case .sequence(let nodes) = node.content else {
      report("expected \(expected), found \(node.found)")
      return nil
    }
    return nodes.enumerated().map { index, node in
      Value(
        node: node, place: Place(position: node.position, key: place.key.item(index)),
        keyPosition: node.position,
        diagnostics: diagnostics)
    }
  }

  /// Reads a text by `parse`; what that cannot read is reported as found where something else was expected.
  func parsed<T>(_ expected: String, _ parse: (String) -> T?) -> T? {
    guard let text = text(expected) else { return nil }
    if let value = parse(text) { return value }
    report("expected \(expected), found \(quoted(text))")
    return nil
  }

  func word<T: RawRepresentable & CaseIterable>(_: T.Type) -> T? where T.RawValue == String {
    let words = T.allCases.map(\.rawValue)
    guard let text = text(listed(words)) else { return nil }
    if let value = T(rawValue: text) { return value }
    report("expected \(listed(words)), found \(quoted(text))", suggestion: nearest(to: text, among: words))
    return nil
  }
}
