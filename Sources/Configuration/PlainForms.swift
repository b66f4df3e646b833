// Words, numbers, times and paths.

extension Form where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  /// One of the type's words.
  static var word: Form {
    let words = Value.allCases.map(\.rawValue)
    return Form(listed(words)) { (scalar) throws(Misfit) in
      if let value = Value(rawValue: scalar.text) { return value }
      throw nearest(to: scalar.text, among: words).map { .near($0) } ?? .unlike
    }
  }
}

extension Form where Value == Int {
  /// A whole number in decimal digits, without sign, quotes or leading zeros: YAML 1.1 would read those as octal.
  static func number(_ bounds: ClosedRange<Int>) -> Form {
    Form("a whole number from \(bounds.lowerBound) to \(bounds.upperBound)") { (scalar) throws(Misfit) in
      guard scalar.style == .plain, let number = decimal(scalar.text), bounds.contains(number) else {
        throw .unlike
      }
      return number
    }
  }
}

/// The number that the digits are; nil for anything but digits, for leading zeros and beyond 10 digits.
func decimal(_ text: some StringProtocol) -> Int? {
  let digits = text.utf8
  guard (1...10).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }),
    digits.count == 1 || digits.first != 48
  else { return nil }
  return Int(text)
}

extension Form where Value == Duration {
  /// A whole number and its unit: `500ms`, `2s`, `1m`, `1h`.
  static func duration(_ bounds: ClosedRange<Duration>) -> Form {
    let range = "\(durationText(bounds.lowerBound)) to \(durationText(bounds.upperBound))"
    return Form("a duration from \(range), such as 500ms, 2s or 1m") { (scalar) throws(Misfit) in
      let digits = scalar.text.prefix { $0.isASCII && $0.isNumber }
      guard let number = decimal(digits) else { throw .unlike }
      let value: Duration
      switch scalar.text.dropFirst(digits.count) {
      case "ms": value = .milliseconds(number)
      case "s": value = .seconds(number)
      case "m": value = .seconds(number * 60)
      case "h": value = .seconds(number * 3600)
      case "": throw .unusable("has no unit; expected a duration from \(range), such as 500ms, 2s or 1m")
      default: throw .unlike
      }
      guard bounds.contains(value) else { throw .unlike }
      return value
    }
  }
}

/// A duration as the file writes it, in the largest unit that leaves no rest. Parts of a millisecond are cut off.
func durationText(_ duration: Duration) -> String {
  let (seconds, attoseconds) = duration.components
  let milliseconds = attoseconds / 1_000_000_000_000_000
  if milliseconds != 0 { return "\(seconds * 1000 + milliseconds)ms" }
  if seconds == 0 || seconds % 60 != 0 { return "\(seconds)s" }
  return seconds % 3600 == 0 ? "\(seconds / 3600)h" : "\(seconds / 60)m"
}

extension Form where Value == String {
  /// An absolute path of at most so many bytes, without control characters.
  static func absolutePath(atMost bytes: Int) -> Form {
    Form(text: "an absolute path of at most \(bytes) bytes") { text in
      let path = text.utf8
      guard path.first == 0x2f, path.last != 0x2f, path.count <= bytes else { return nil }
      return path.contains { $0 < 0x20 || $0 == 0x7f } ? nil : text
    }
  }

  /// As useradd(8) of Debian takes a name: lower-case letters, digits, `_` and `-`, up to 32, no digit or `-` first.
  static var group: Form {
    Form(text: "the name of a group such as liteboxd") { text in
      let letters = text.utf8
      guard (1...32).contains(letters.count), let first = letters.first, isLetter(first) || first == 0x5f
      else {
        return nil
      }
      return letters.allSatisfy { isLetter($0) || isDigit($0) || $0 == 0x5f || $0 == 0x2d } ? text : nil
    }
  }

  static var exitName: Form {
    let alphabet = "1 to 63 letters, digits, \".\", \"_\" or \"-\""
    return Form("a name of \(alphabet)") { (scalar) throws(Misfit) in
      let letters = scalar.text.utf8
      let allowed = letters.allSatisfy { isLetter($0) || isDigit($0) || [0x2e, 0x5f, 0x2d].contains($0) }
      guard (1...63).contains(letters.count), allowed else { throw .unlike }
      guard scalar.text != "auto" else {
        throw .unusable("is a word of the exit command; expected another name")
      }
      return scalar.text
    }
  }
}

private func isDigit(_ octet: UInt8) -> Bool { (0x30...0x39).contains(octet) }
private func isLetter(_ octet: UInt8) -> Bool {
  (0x41...0x5a).contains(octet) || (0x61...0x7a).contains(octet)
}
