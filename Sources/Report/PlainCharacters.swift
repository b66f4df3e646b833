extension Span {
  /// The same in ASCII alone, for terminals that show no more. What has no likeness becomes an escape.
  var plainCharacters: Span {
    guard !text.utf8.allSatisfy({ $0 < 0x80 }) else { return self }
    var plain = ""
    for scalar in text.unicodeScalars {
      if scalar.isASCII {
        plain.unicodeScalars.append(scalar)
      } else {
        plain += Span.likeness(of: scalar) ?? escaped(scalar)
      }
    }
    return Span(plain, tone)
  }

  /// Of what the page itself writes; each but the arrow is as wide as before.
  private static func likeness(of scalar: Unicode.Scalar) -> String? {
    switch scalar {
    case "●": "*"
    case "▲": "!"
    case "■": "x"
    case "○": "o"
    case "─": "-"
    case "▶": ">"
    case "✗": "x"
    case "→": "->"
    case "…": "~"
    case "µ": "u"
    case "▁": "_"
    case "▂": "."
    case "▃": "-"
    case "▅": "="
    case "▇": "#"
    case Sparkline.gap: "x"
    default: nil
    }
  }
}
