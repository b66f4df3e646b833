/// The name of a place in the file: `gateway.exits[1].address`.
struct KeyName {
  private enum Part {
    case key(String)
    case item(Int)
  }
  private var parts: [Part] = []

  static let root = KeyName()

  func key(_ name: String) -> KeyName { adding(.key(name)) }
  func item(_ index: Int) -> KeyName { adding(.item(index)) }

  private func adding(_ part: Part) -> KeyName {
    var longer = self
    longer.parts.append(part)
    return longer
  }
}

extension KeyName: CustomStringConvertible {
  var description: String {
    parts.reduce(into: "") { text, part in
      switch part {
      case .key(let name): text += (text.isEmpty ? "" : ".") + printable(name)
      case .item(let index): text += "[\(index)]"
      }
    }
  }
}

/// Where a diagnosis belongs.
struct Place {
  let position: TextPosition
  let key: KeyName
}

/// Gathers what is wrong with one file.
final class Diagnostics {
  let path: String
  private var errors: [ConfigurationError] = []
  private(set) var warnings: [ConfigurationWarning] = []

  init(path: String) { self.path = path }

  /// Enough for any reader. What comes after is not kept, so that a hostile file costs no memory.
  var isFull: Bool { errors.count >= 1000 }

  func report(_ problem: String, at place: Place, suggestion: String? = nil) {
    guard !isFull else { return }
    errors.append(
      ConfigurationError(
        path: path, position: place.position, key: place.key.description, problem: problem,
        suggestion: suggestion.map { printable($0) }))
  }

  func warn(_ message: String, at place: Place) {
    guard warnings.count < ConfigurationErrors.limit else { return }
    warnings.append(
      ConfigurationWarning(path: path, position: place.position, key: place.key.description, message: message)
    )
  }

  /// Throws what was reported, if anything was.
  func settle() throws(ConfigurationErrors) {
    guard let all = found else { return }
    throw all
  }

  /// What was reported, in the file's order.
  var found: ConfigurationErrors? {
    let sorted = errors.sorted { ($0.position ?? .start) < ($1.position ?? .start) }
    return sorted.first.map { ConfigurationErrors($0, Array(sorted.dropFirst())) }
  }
}
