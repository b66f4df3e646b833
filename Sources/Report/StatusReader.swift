import JSON

/// Why a document is no status of the agent.
public struct StatusFormatError: Error, Hashable, CustomStringConvertible {
  /// The member in question, such as `exits[1].address`; empty for the document itself.
  public let path: String
  public let expected: String

  public var description: String {
    let place = path.isEmpty ? "the document" : path
    return "reading the agent's status: \(place) should be \(expected); "
      + "check that this command and the running daemon are of the same version"
  }
}

/// A part of the status that is an object in the JSON document.
protocol StatusPart {
  init(reading reader: StatusReader) throws(StatusFormatError)
  func json() -> JSONValue
}

/// Reads the members of one object and knows where it is, for errors. Members that it is not asked for are left
/// alone: a newer daemon may say more.
struct StatusReader {
  private let object: JSONValue
  private let path: String

  init(_ value: JSONValue, path: String = "") throws(StatusFormatError) {
    guard value.members != nil else { throw StatusFormatError(path: path, expected: "an object") }
    object = value
    self.path = path
  }

  /// The member, which must be there and be what `convert` takes.
  func required<T>(
    _ key: String, _ expected: String, _ convert: (JSONValue) -> T?
  ) throws(StatusFormatError) -> T {
    guard let value = object[key].flatMap(convert) else { throw wrong(key, expected) }
    return value
  }

  /// The member, or nil where it is null or missing.
  func optional<T>(
    _ key: String, _ expected: String, _ convert: (JSONValue) -> T?
  ) throws(StatusFormatError) -> T? {
    guard let value = object[key], value != .null else { return nil }
    guard let converted = convert(value) else { throw wrong(key, expected + " or null") }
    return converted
  }

  func part<Part: StatusPart>(_ key: String) throws(StatusFormatError) -> Part {
    guard let value = object[key] else { throw wrong(key, "an object") }
    return try Part(reading: StatusReader(value, path: place(key)))
  }

  func optionalPart<Part: StatusPart>(_ key: String) throws(StatusFormatError) -> Part? {
    guard let value = object[key], value != .null else { return nil }
    return try Part(reading: StatusReader(value, path: place(key)))
  }

  /// What an older daemon does not say is empty.
  func optionalParts<Part: StatusPart>(_ key: String) throws(StatusFormatError) -> [Part] {
    object[key] == nil ? [] : try parts(key)
  }

  func parts<Part: StatusPart>(_ key: String) throws(StatusFormatError) -> [Part] {
    let items = try required(key, "an array", \.array)
    var parts: [Part] = []
    for (index, item) in items.enumerated() {
      try parts.append(Part(reading: StatusReader(item, path: place(key) + "[\(index)]")))
    }
    return parts
  }

  func string(_ key: String) throws(StatusFormatError) -> String { try required(key, "a string", \.string) }
  func bool(_ key: String) throws(StatusFormatError) -> Bool { try required(key, "true or false", \.bool) }
  func count(_ key: String) throws(StatusFormatError) -> Int {
    try required(key, "a count") { $0.integer.flatMap { $0 < 0 ? nil : Int(exactly: $0) } }
  }
  func seconds(_ key: String) throws(StatusFormatError) -> Double? { try optional(key, "a number", \.number) }
  /// Numbers and nulls. An older daemon has none.
  func samples(_ key: String) throws(StatusFormatError) -> [Double?] {
    try optional(key, "an array of numbers and nulls") { value in
      value.array.flatMap { items in
        items.allSatisfy { $0 == .null || $0.number != nil } ? items.map(\.number) : nil
      }
    } ?? []
  }
  func time(_ key: String) throws(StatusFormatError) -> Timestamp { try required(key, moment, \.time) }
  func optionalTime(_ key: String) throws(StatusFormatError) -> Timestamp? {
    try optional(key, moment, \.time)
  }
  func strings(_ key: String) throws(StatusFormatError) -> [String] {
    try required(key, "an array of strings") { value in
      value.array.flatMap { items in
        let texts = items.compactMap(\.string)
        return texts.count == items.count ? texts : nil
      }
    }
  }

  /// One of an enumeration's raw values.
  func word<Word>(_ key: String) throws(StatusFormatError) -> Word
  where Word: RawRepresentable<String> & CaseIterable {
    try required(key, choice(of: Word.self)) { $0.string.flatMap(Word.init(rawValue:)) }
  }

  func optionalWord<Word>(_ key: String) throws(StatusFormatError) -> Word?
  where Word: RawRepresentable<String> & CaseIterable {
    try optional(key, choice(of: Word.self)) { $0.string.flatMap(Word.init(rawValue:)) }
  }

  private let moment = "a time such as 2026-11-21T09:00:00Z"

  private func choice<Word>(of: Word.Type) -> String where Word: RawRepresentable<String> & CaseIterable {
    "one of " + Word.allCases.map(\.rawValue).joined(separator: ", ")
  }

  private func place(_ key: String) -> String { path.isEmpty ? key : path + "." + key }

  private func wrong(_ key: String, _ expected: String) -> StatusFormatError {
    StatusFormatError(path: place(key), expected: expected)
  }
}

extension JSONValue {
  fileprivate var time: Timestamp? { string.flatMap { Timestamp($0) } }
}
