extension String {
  /// A stranger's text for a page, a log line or an error: control characters, those that turn or hide text,
  /// and those that no font has become question marks, and no more than `limit` scalars are kept.
  func printable(limit: Int) -> String {
    var text = String.UnicodeScalarView()
    for scalar in unicodeScalars.prefix(limit) {
      text.append(scalar.isPrintable ? scalar : "?")
    }
    return String(text)
  }
}

extension Unicode.Scalar {
  fileprivate var isPrintable: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: false
    default: true
    }
  }
}
