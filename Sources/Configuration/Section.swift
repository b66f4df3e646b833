/// A mapping of the file while it is read: remembers which keys were asked for, and so knows which are unknown.
final class Section {
  /// Of the key that names the section, or where an item of a list begins.
  let place: Place
  let diagnostics: Diagnostics
  private let entries: [YAMLEntry]
  private var known: [String] = []
  /// Refused already, and no suggestion for others.
  private var refused: Set<String> = []

  /// nil when the node is no mapping, which is then reported.
  init?(_ node: YAMLNode, at place: Place, _ diagnostics: Diagnostics, holding expected: String) {
    guard case .mapping(let entries) = node.content else {
      let problem = "expected a mapping with \(expected), found \(node.found)"
      diagnostics.report(problem, at: Place(position: node.position, key: place.key))
      return nil
    }
    self.entries = entries
    self.place = place
    self.diagnostics = diagnostics
  }

  /// Where the key's value stands; the section itself when the key is not there.
  func place(of key: String) -> Place {
    let position = entries.first { $0.key == key }?.value.position ?? place.position
    return Place(position: position, key: place.key.key(key))
  }

  func holds(_ key: String) -> Bool { entries.contains { $0.key == key } }

  /// Whether a list was written under the key; an empty one has no items.
  func writtenItems(_ key: String) -> Int? {
    guard case .sequence(let nodes) = entries.first(where: { $0.key == key })?.value.content else {
      return nil
    }
    return nodes.count
  }

  // MARK: Single values

  /// The key's value; nil when it is not there, or was reported.
  func value<Value>(_ key: String, _ form: Form<Value>) -> Value? {
    take(key)?.value.value(form, at: place(of: key), diagnostics)
  }

  /// The key's value, which has to be there; nil when it was reported.
  func required<Value>(_ key: String, _ form: Form<Value>) -> Value? {
    guard holds(key) else {
      missing(key, expected: form.expected)
      return nil
    }
    return value(key, form)
  }

  // MARK: Lists

  /// The places and nodes of a list's items; nil when the key is not there or no list. `expected` completes
  /// "expected a list of …".
  func items(_ key: String, of expected: String, atMost limit: Int) -> [Located<YAMLNode>]? {
    guard let entry = take(key) else { return nil }
    let list = place(of: key)
    guard case .sequence(let nodes) = entry.value.content else {
      diagnostics.report("expected a list of \(expected), found \(entry.value.found)", at: list)
      return nil
    }
    guard nodes.count <= limit else {
      diagnostics.report("\(nodes.count) entries; at most \(limit) are supported", at: list)
      return nil
    }
    return nodes.enumerated().map { index, node in
      Located(value: node, place: Place(position: node.position, key: list.key.item(index)))
    }
  }

  /// The values of a list, without those that were reported; nil when the key is not there or no list.
  func list<Value>(_ key: String, of form: Form<Value>, atMost limit: Int) -> [Located<Value>]? {
    items(key, of: form.plural, atMost: limit)?.compactMap { item in
      item.value.value(form, at: item.place, diagnostics).map { Located(value: $0, place: item.place) }
    }
  }

  // MARK: Sections

  /// Reads the mapping under the key, and reports what in it nobody asked for; nil when it is not there or none.
  func section<Value>(_ key: String, holding expected: String, _ read: (Section) -> Value) -> Value? {
    guard let entry = take(key) else { return nil }
    let owner = Place(position: entry.position, key: place.key.key(key))
    guard let section = Section(entry.value, at: owner, diagnostics, holding: expected) else { return nil }
    let value = read(section)
    section.reportUnknownKeys()
    return value
  }

  // MARK: What is wrong with keys

  func missing(_ key: String, expected: String) {
    _ = take(key)
    let position = Place(position: place.position, key: place.key.key(key))
    diagnostics.report("missing; expected \(expected)", at: position)
  }

  /// Refuses a key that contradicts the rest.
  func refuse(_ key: String, because reason: String) {
    guard let entry = entries.first(where: { $0.key == key }) else { return }
    refused.insert(key)
    diagnostics.report(reason, at: Place(position: entry.position, key: place.key.key(key)))
  }

  func reportUnknownKeys() {
    let allowed = Set(known).union(refused)
    for entry in entries where !allowed.contains(entry.key) && !diagnostics.isFull {
      let unknown = Place(position: entry.position, key: place.key.key(entry.key))
      let suggestion = nearest(to: entry.key, among: known)
      let others = suggestion == nil ? "; the keys here are \(known.sorted().joined(separator: ", "))" : ""
      diagnostics.report("unknown key" + others, at: unknown, suggestion: suggestion)
    }
  }

  private func take(_ key: String) -> YAMLEntry? {
    if !known.contains(key) { known.append(key) }
    return entries.first { $0.key == key }
  }
}
