/// What a scalar has to look like, and the value that it then is.
struct Form<Value> {
  /// Completes "expected …": "a port or range such as 443".
  let expected: String
  /// Completes "expected a list of …".
  var plural = "values"
  let read: (YAMLScalar) throws(Misfit) -> Value

  init(_ expected: String, _ read: @escaping (YAMLScalar) throws(Misfit) -> Value) {
    self.expected = expected
    self.read = read
  }

  /// A form whose reader has no more to say than that the text is none.
  init(text expected: String, _ read: @escaping (String) -> Value?) {
    self.init(expected) { (scalar) throws(Misfit) in
      guard let value = read(scalar.text) else { throw .unlike }
      return value
    }
  }
}

/// Why a scalar is not of its form.
enum Misfit: Error {
  /// It looks different.
  case unlike
  /// It looks different, and is near this.
  case near(String)
  /// It has the form, and for this reason cannot be used.
  case unusable(String)
}

/// A value and where it was written.
struct Located<Value> {
  let value: Value
  let place: Place
}

extension YAMLNode {
  /// The node as a value of the form; nil when it is none, which is then reported.
  func value<Value>(_ form: Form<Value>, at place: Place, _ diagnostics: Diagnostics) -> Value? {
    // Not before it is needed: a list may have very many values.
    var expected: String { "expected \(form.expected), found \(found)" }
    guard case .scalar(let scalar) = content, !scalar.isNull else {
      diagnostics.report(expected, at: place)
      return nil
    }
    do throws(Misfit) {
      return try form.read(scalar)
    } catch {
      switch error {
      case .unlike: diagnostics.report(expected, at: place)
      case .near(let suggestion): diagnostics.report(expected, at: place, suggestion: suggestion)
      case .unusable(let reason): diagnostics.report("\(found) \(reason)", at: place)
      }
      return nil
    }
  }
}
