// Text that others chose (names, addresses, error messages) on its way to a terminal. What could move the cursor,
// change colours, reorder or hide text is shown as an escape such as \u{1b}.

/// The same text on one line with nothing in it that a terminal acts upon or does not show.
///
/// Control and format characters (bidirectional overrides and zero-width ones among them), private and unassigned
/// ones become escapes; every kind of space becomes a plain space; combining marks pass where they follow something,
/// two in a row at most, so that none reaches into other lines.
public func terminalSafe(_ text: some StringProtocol) -> String {
  guard !text.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else { return String(text) }
  var safe = ""
  var marksAllowed = 0
  for scalar in text.unicodeScalars {
    switch ScalarKind(scalar) {
    case .printable:
      safe.unicodeScalars.append(scalar)
      marksAllowed = 2
    case .mark where marksAllowed > 0:
      safe.unicodeScalars.append(scalar)
      marksAllowed -= 1
    case .space:
      safe += " "
      marksAllowed = 0
    case .mark, .unsafe:
      safe += escaped(scalar)
      marksAllowed = 0
    }
  }
  return safe
}

/// How many columns a terminal gives to a text that `terminalSafe` returned (Unicode Standard Annex 11).
/// Characters of ambiguous width count as one, as terminals outside of East Asian locales have them.
public func terminalColumns(_ text: some StringProtocol) -> Int {
  text.unicodeScalars.reduce(0) { $0 + columns($1) }
}

/// The longest beginning of a safe text that fits, with `…` at its end if something was left out.
func clipped(_ text: String, to width: Int) -> String {
  guard terminalColumns(text) > width else { return text }
  return width < 1 ? "" : String(prefix(text, columns: width - 1)) + "…"
}

/// The longest beginning that fits into so many columns, marks with what they belong to.
func prefix(_ text: some StringProtocol, columns width: Int) -> String {
  var used = 0
  var kept = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    used += columns(scalar)
    guard used <= width else { break }
    kept.append(scalar)
  }
  return String(kept)
}

/// How one character is written that must not be shown as it is: `\n`, `\t`, `\u{1b}`.
func escaped(_ scalar: Unicode.Scalar) -> String {
  switch scalar {
  case "\n": "\\n"
  case "\r": "\\r"
  case "\t": "\\t"
  default: "\\u{" + String(scalar.value, radix: 16) + "}"
  }
}

/// What a terminal makes of a character.
enum ScalarKind {
  case printable
  case mark
  case space
  case unsafe

  init(_ scalar: Unicode.Scalar) {
    guard !scalar.isASCII else {
      self = scalar == " " ? .space : (0x21...0x7e).contains(scalar.value) ? .printable : .unsafe
      return
    }
    guard !scalar.properties.isDefaultIgnorableCodePoint else {
      self = .unsafe
      return
    }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .spacingMark: self = .mark
    case .spaceSeparator: self = .space
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
      self = .unsafe
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
      .letterNumber, .otherNumber, .connectorPunctuation, .dashPunctuation, .openPunctuation,
      .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation, .mathSymbol, .currencySymbol,
      .modifierSymbol,
      .otherSymbol:
      self = .printable
    @unknown default: self = .unsafe
    }
  }
}

private func columns(_ scalar: Unicode.Scalar) -> Int {
  guard !scalar.isASCII else { return 1 }
  switch scalar.properties.generalCategory {
  case .nonspacingMark, .enclosingMark: return 0
  default: return scalar.properties.isEmojiPresentation || isWide(scalar) ? 2 : 1
  }
}

/// East_Asian_Width W and F, in the blocks that Unicode keeps for such scripts.
private func isWide(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0x1100...0x115f, 0x2329...0x232a, 0x2e80...0x303e, 0x3041...0xa4cf, 0xa960...0xa97f, 0xac00...0xd7a3,
    0xf900...0xfaff, 0xfe10...0xfe19, 0xfe30...0xfe6f, 0xff01...0xff60, 0xffe0...0xffe6, 0x16fe0...0x1b2ff,
    0x1f200...0x1f2ff, 0x20000...0x3fffd:
    true
  default: false
  }
}
