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
  private(set) var width: Int
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
      let piece = shown(shown(span).clipped(to: room))
      room -= piece.columns
      line.append(piece)
    }
    while let last = line.last, last.isBlank { line.removeLast() }
    text += merged(line).map(styled).joined() + "\n"
  }

  /// Items side by side, as many to a line as fit; `first` begins the first line and later ones are indented
  /// as far as it reaches. True: there are more lines than `limit`, and the rest is left out.
  @discardableResult mutating func flow(
    _ first: [Span], _ items: [Span], within limit: Int? = nil
  ) -> Bool {
    let first = first.map(shown)
    let indent = first.reduce(0) { $0 + $1.columns }
    let lines = broken(items.map { shown($0).clipped(to: width - indent) }, into: width - indent)
    let kept = lines.prefix(limit ?? lines.count)
    for (index, line) in kept.enumerated() {
      let isCut = index == kept.count - 1 && kept.count < lines.count
      self.line(
        (index == 0 ? first : [Span(spaces(indent))]) + (isCut ? cut(line, to: width - indent) : line))
    }
    return kept.count < lines.count
  }

  /// Lines of items with a space between two.
  private func broken(_ items: [Span], into room: Int) -> [[Span]] {
    var lines: [[Span]] = [[]]
    var used = 0
    for item in items {
      if used > 0, used + 1 + item.columns > room {
        lines.append([])
        used = 0
      }
      if used > 0 { lines[lines.count - 1].append(Span(" ")) }
      lines[lines.count - 1].append(item)
      used += (used > 0 ? 1 : 0) + item.columns
    }
    return lines
  }

  /// With `…` where it was cut.
  private func cut(_ line: [Span], to room: Int) -> [Span] {
    var line = line
    while line.count > 1, line.reduce(0, { $0 + $1.columns }) > room - 1 { line.removeLast() }
    return line + [Span("…")]
  }

  /// Running text, broken between words.
  @discardableResult package mutating func prose(
    _ first: [Span], _ spans: [Span], within limit: Int? = nil
  ) -> Bool {
    let room = max(1, min(width, PageWriter.widestProse) - first.reduce(0) { $0 + shown($1).columns })
    let words = spans.flatMap { shown($0).clipped(to: PageWriter.longestProse).words(width: room) }
    var narrow = self
    narrow.width = min(width, PageWriter.widestProse)
    narrow.text = ""
    let isCut = narrow.flow(first, words, within: limit)
    text += narrow.text
    return isCut
  }

  /// A value beside its name, in the column that all such values share.
  mutating func entry(_ name: String, _ spans: [Span]) { prose(label(name), spans) }

  /// The same with parts that are not broken.
  mutating func entry(_ name: String, items: [Span]) { flow(label(name), items) }

  /// As the reader's terminal can show it.
  func shown(_ span: Span) -> Span {
    switch style.characters {
    case .unicode: span
    case .ascii: span.plainCharacters
    }
  }

  private func label(_ name: String) -> [Span] {
    [Span(name, .strong), Span(spaces(PageWriter.labelColumns - name.count))]
  }

  /// Columns beyond which the eye loses the line.
  private static let widestProse = 120
  private static let labelColumns = 15
  /// A message longer than this helps nobody, and hides the rest of the page.
  private static let longestProse = 400

  private func styled(_ span: Span) -> String {
    guard style.isColoured, let parameters = span.tone.parameters else { return span.text }
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
