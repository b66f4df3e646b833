import JSON
import Model

/// A JSON object of the API, whose fields are read by name; what is wrong is said with the name.
struct APIDocument {
  let value: JSONValue
  /// Where the object stands in its document: empty, or `routes[0].`.
  let place: String

  /// Reads a whole answer.
  init(parsing bytes: [UInt8]) throws(APIFailure) {
    do throws(JSONError) {
      value = try JSONValue(parsing: bytes)
    } catch {
      throw .malformed(text: error.description)
    }
    place = ""
    guard value.members != nil else { throw .malformed("no JSON object") }
  }

  /// The items of an answer that is a list.
  static func list(parsing bytes: [UInt8]) throws(APIFailure) -> [JSONValue] {
    let value: JSONValue
    do throws(JSONError) { value = try JSONValue(parsing: bytes) } catch {
      throw .malformed(text: error.description)
    }
    guard let items = value.array else { throw .malformed("no JSON list") }
    return items
  }

  init(_ value: JSONValue, at place: String) throws(APIFailure) {
    self.value = value
    self.place = place + "."
    guard value.members != nil else { throw .malformed("\(place): no object") }
  }

  /// `{}`: what the API says of things that it does not know.
  var isEmpty: Bool { value.members?.isEmpty == true }

  func failure(_ key: String, _ what: String) -> APIFailure { .malformed(text: "\(place)\(key): \(what)") }

  func string(_ key: String) throws(APIFailure) -> String {
    guard let text = value[key]?.string else { throw failure(key, "no text") }
    return text
  }

  func bool(_ key: String) throws(APIFailure) -> Bool {
    guard let flag = value[key]?.bool else { throw failure(key, "neither true nor false") }
    return flag
  }

  func integer(_ key: String, in range: ClosedRange<Int64>) throws(APIFailure) -> Int64 {
    guard let number = value[key]?.integer, range.contains(number) else {
      throw failure(key, "no integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// Milliseconds since the epoch; nil for what is missing or no time, since no decision rests on it.
  func moment(_ key: String) -> Duration? {
    value[key]?.integer.flatMap { (1...Int64.max / 1_000_000).contains($0) ? .milliseconds($0) : nil }
  }

  func array(_ key: String) throws(APIFailure) -> [JSONValue] {
    guard let items = value[key]?.array else { throw failure(key, "no list") }
    return items
  }

  func objects(_ key: String) throws(APIFailure) -> [APIDocument] {
    var documents: [APIDocument] = []
    for (index, item) in try array(key).enumerated() {
      documents.append(try APIDocument(item, at: "\(place)\(key)[\(index)]"))
    }
    return documents
  }
}
