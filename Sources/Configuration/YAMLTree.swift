/// Builds the tree of one document, and refuses what a configuration has no use for: anchors, aliases, tags, merge
/// keys, duplicate keys, further documents, and sizes that only an attack has.
struct YAMLTree: ~Copyable {
  /// Levels of nesting. The deepest that a configuration needs is 5.
  static let deepest = 16
  static let mostNodes = 400_000

  private var events: YAMLEvents
  private let diagnostics: Diagnostics
  private var nodes = 0

  /// What ends the reading, as opposed to what is reported on the way.
  private struct Refusal: Error {
    let problem: String
    let place: Place
  }

  /// The document's root; nil for a text without one. Everything that was wrong is in `diagnostics`.
  static func root(of text: [UInt8], _ diagnostics: Diagnostics) -> YAMLNode? {
    guard let events = YAMLEvents(text) else {
      diagnostics.report("no memory to read it", at: Place(position: .start, key: .root))
      return nil
    }
    var tree = YAMLTree(events: events, diagnostics: diagnostics)
    do throws(Refusal) {
      return try tree.document()
    } catch {
      diagnostics.report(error.problem, at: error.place)
      return nil
    }
  }

  private init(events: consuming YAMLEvents, diagnostics: Diagnostics) {
    self.events = events
    self.diagnostics = diagnostics
  }

  private mutating func document() throws(Refusal) -> YAMLNode? {
    var root: YAMLNode?
    while true {
      let (event, position) = try next()
      let place = Place(position: position, key: .root)
      switch event {
      case .streamEnd: return root
      case .documentStart where root != nil:
        throw Refusal(problem: "a second document begins; a configuration is one", place: place)
      case .documentStart(let declaresTags):
        if declaresTags { diagnostics.report("%TAG is not supported; remove it", at: place) }
        let (first, start) = try next()
        root = try node(first, at: Place(position: start, key: .root), depth: 1)
      case .streamStart, .documentEnd, .alias, .scalar, .sequenceStart, .sequenceEnd, .mappingStart,
        .mappingEnd:
        continue
      }
    }
  }

  private mutating func next() throws(Refusal) -> (event: YAMLEvent, position: TextPosition) {
    do throws(YAMLSyntaxError) {
      return try events.next()
    } catch {
      throw Refusal(problem: error.problem, place: Place(position: error.position, key: .root))
    }
  }

  /// The node that begins with the event.
  private mutating func node(_ event: YAMLEvent, at place: Place, depth: Int) throws(Refusal) -> YAMLNode {
    nodes += 1
    guard nodes <= YAMLTree.mostNodes else {
      throw Refusal(problem: "more than \(YAMLTree.mostNodes) values", place: place)
    }
    let content: YAMLNode.Content
    switch event {
    case .scalar(let scalar, let properties):
      refuse(properties, at: place)
      content = .scalar(scalar)
    case .sequenceStart(let properties):
      refuse(properties, at: place)
      content = .sequence(try items(of: place, depth: depth))
    case .mappingStart(let properties):
      refuse(properties, at: place)
      content = .mapping(try entries(of: place, depth: depth))
    case .alias:
      diagnostics.report("an alias (*) is not supported; write the value out", at: place)
      content = .scalar(YAMLScalar(text: "", style: .plain))
    // libyaml gives these after a node only.
    case .streamStart, .streamEnd, .documentStart, .documentEnd, .sequenceEnd, .mappingEnd:
      throw Refusal(problem: "expected a value", place: place)
    }
    return YAMLNode(position: place.position, content: content)
  }

  private mutating func items(of place: Place, depth: Int) throws(Refusal) -> [YAMLNode] {
    try limit(depth, at: place)
    var items: [YAMLNode] = []
    while true {
      let (event, position) = try next()
      if case .sequenceEnd = event { return items }
      let item = Place(position: position, key: place.key.item(items.count))
      items.append(try node(event, at: item, depth: depth + 1))
    }
  }

  private mutating func entries(of place: Place, depth: Int) throws(Refusal) -> [YAMLEntry] {
    try limit(depth, at: place)
    var entries: [YAMLEntry] = []
    var seen: [String: TextPosition] = [:]
    while true {
      let (event, position) = try next()
      if case .mappingEnd = event { return entries }
      let key = try key(event, at: Place(position: position, key: place.key))
      let named = place.key.key(key)
      let (first, start) = try next()
      let value = try node(first, at: Place(position: start, key: named), depth: depth + 1)
      if let earlier = seen.updateValue(position, forKey: key) {
        let problem = "duplicate key, already on line \(earlier.line), column \(earlier.column)"
        diagnostics.report(problem, at: Place(position: position, key: named))
      } else {
        entries.append(YAMLEntry(key: key, position: position, value: value))
      }
    }
  }

  private mutating func key(_ event: YAMLEvent, at place: Place) throws(Refusal) -> String {
    nodes += 1
    guard case .scalar(let scalar, let properties) = event else {
      throw Refusal(problem: "expected a key, which is a plain word", place: place)
    }
    refuse(properties, at: place)
    if scalar.style == .plain, scalar.text == "<<" {
      throw Refusal(problem: "a merge key (<<) is not supported; write the keys out", place: place)
    }
    return scalar.text
  }

  private func refuse(_ properties: YAMLProperties, at place: Place) {
    if properties.hasAnchor { diagnostics.report("an anchor (&) is not supported; remove it", at: place) }
    if properties.hasTag { diagnostics.report("a tag (!) is not supported; remove it", at: place) }
  }

  private func limit(_ depth: Int, at place: Place) throws(Refusal) {
    guard depth > YAMLTree.deepest else { return }
    throw Refusal(problem: "nested deeper than \(YAMLTree.deepest) levels", place: place)
  }
}
