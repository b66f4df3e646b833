/// What a piece of text means; a coloured page shows it, a plain one says it in words alone.
package enum Tone {
  case plain
  /// A heading or a name.
  case strong
  case good
  case caution
  case bad
  /// Detail that may be passed over.
  case faint

  /// The parameters of ECMA-48's SGR sequence; nil for text as it is.
  var parameters: String? {
    switch self {
    case .plain: nil
    case .strong: "1"
    case .good: "32"
    case .caution: "33"
    case .bad: "1;31"
    case .faint: "2"
    }
  }
}

/// A piece of text that is safe for a terminal, whatever it was made from.
package struct Span {
  let text: String
  let tone: Tone

  package init(_ text: String, _ tone: Tone = .plain) {
    self.text = terminalSafe(text)
    self.tone = tone
  }

  private init(safe text: String, _ tone: Tone) {
    self.text = text
    self.tone = tone
  }

  var columns: Int { terminalColumns(text) }
  var isBlank: Bool { text.utf8.allSatisfy { $0 == 0x20 } }
  func appending(_ other: Span) -> Span { Span(safe: text + other.text, tone) }
  func clipped(to width: Int) -> Span { Span(safe: Report.clipped(text, to: width), tone) }

  /// Its words, none wider than the width: a longer one is cut into pieces.
  func words(width: Int) -> [Span] {
    text.split(separator: " ").flatMap { word -> [Span] in
      var pieces: [Span] = []
      var rest = Substring(word)
      while !rest.isEmpty {
        let head = prefix(rest, columns: max(2, width))
        pieces.append(Span(safe: head, tone))
        rest = Substring(rest.unicodeScalars.dropFirst(head.unicodeScalars.count))
      }
      return pieces
    }
  }
}

/// Lays out text in lines of bounded width and knows the style. All that it writes has passed through `Span`.
package struct PageWriter {
  /// Columns that a line may have.
  let width: Int
  private let style: StatusPage.Style
  package private(set) var text = ""

  package init(width: Int, style: StatusPage.Style) {
    self.width = width
    self.style = style
  }

  package mutating func blank() { text += "\n" }

  /// One line; what is beyond the width is cut off.
  package mutating func line(_ spans: [Span]) {
    var line: [Span] = []
    var room = width
    for span in spans where room > 0 && !span.text.isEmpty {
      let piece = span.clipped(to: room)
      room -= piece.columns
      line.append(piece)
    }
    while let last = line.last, last.isBlank { line.removeLast() }
    text += merged(line).map(styled).joined() + "\n"
  }

  /// Items side by side, as many to a line as fit; `first` begins the first line and later ones are indented
  /// as far as it reaches.
  mutating func flow(_ first: [Span], _ items: [Span], gap: Int = 1) {
    let indent = first.reduce(0) { $0 + $1.columns }
    var line = first
    var used = indent
    var isEmpty = true
    for item in items {
      let item = item.clipped(to: width - indent)
      if !isEmpty, used + gap + item.columns > width {
        self.line(line)
        line = [Span(spaces(indent))]
        used = indent
        isEmpty = true
      }
      if !isEmpty { line.append(Span(spaces(gap))) }
      line.append(item)
      used += (isEmpty ? 0 : gap) + item.columns
      isEmpty = false
    }
    self.line(line)
  }

  /// Running text, broken between words.
  package mutating func prose(_ first: [Span], _ spans: [Span]) {
    let room = max(1, width - first.reduce(0) { $0 + $1.columns })
    flow(first, spans.flatMap { $0.clipped(to: PageWriter.longestProse).words(width: room) })
  }

  /// A value beside its name, in the column that all such values share.
  mutating func entry(_ name: String, _ spans: [Span]) { prose(label(name), spans) }

  /// The same with parts that are not broken.
  mutating func entry(_ name: String, items: [Span]) { flow(label(name), items) }

  private func label(_ name: String) -> [Span] {
    [Span(name, .strong), Span(spaces(PageWriter.labelColumns - name.count))]
  }

  private static let labelColumns = 15
  /// A message longer than this helps nobody, and hides the rest of the page.
  private static let longestProse = 400

  private func styled(_ span: Span) -> String {
    guard style == .coloured, let parameters = span.tone.parameters else { return span.text }
    return "\u{1b}[\(parameters)m\(span.text)\u{1b}[0m"
  }

  /// Neighbours of one tone as one, with the spaces between them: fewer sequences for the terminal.
  private func merged(_ spans: [Span]) -> [Span] {
    var merged: [Span] = []
    var gap: Span?
    for span in spans {
      if span.isBlank {
        gap = gap?.appending(span) ?? span
        continue
      }
      if let last = merged.last, last.tone == span.tone {
        merged[merged.count - 1] = (gap.map(last.appending) ?? last).appending(span)
      } else {
        if let gap { merged.append(gap) }
        merged.append(span)
      }
      gap = nil
    }
    return merged
  }
}

func spaces(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }
