import Foundation

/// A Markdown document, as far as two languages of it have to be alike.
struct Document {
  /// A heading and what follows it.
  struct Section {
    /// 1 to 6; 0: what stands before the first heading.
    var level = 0
    var title = ""
    /// What stands between backquotes, in the heading and below it.
    var codes: Set<String> = []
    var titleCodes: [String] = []
    /// Fenced or indented, with the fences.
    var blocks: [String] = []
    /// Of each table.
    var tableRows: [Int] = []
    var items = 0
    var links: [String] = []
    var lines: [String] = []

    /// As GitHub and others make it of the title.
    var anchor: String {
      String(
        title.lowercased().filter { $0.isLetter || $0.isNumber || " -_".contains($0) }.map {
          $0 == " " ? "-" : $0
        })
    }
  }

  let path: String
  private(set) var sections = [Section()]

  init(_ path: String) throws { self.init(path, text: try PackagingTests.text(of: path)) }

  init(_ path: String, text: String) {
    self.path = path
    var reader = Reader()
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) { reader.read(String(line)) }
    sections = reader.finished()
  }

  var anchors: Set<String> { Set(sections.map(\.anchor)) }

  /// The sections below the one with that title, down to the next of its level.
  func sections(below title: String) -> [Section] {
    guard let start = sections.firstIndex(where: { $0.title == title }) else { return [] }
    return Array(sections[(start + 1)...].prefix { $0.level > sections[start].level })
  }

  /// What an operator is told to type, of this program.
  var commands: [String] {
    sections.flatMap { $0.blocks.flatMap { $0.components(separatedBy: "\n") } + $0.codes }
      .map { $0.trimmingCharacters(in: .whitespaces) }.filter { $0.hasPrefix("liteboxd-agent ") }
  }
}

/// Goes through a document line by line.
private struct Reader {
  private var sections = [Document.Section()]
  private var block: [String] = []
  private var isFenced = false
  private var isTable = false
  private var before = ""

  mutating func read(_ line: String) {
    defer { before = line }
    if isFenced || line.hasPrefix("```") { return fenced(line) }
    if line.hasPrefix("    "), !block.isEmpty || before.isEmpty { return block.append(line) }
    if !line.isEmpty { endBlock() }
    if let heading = line.wholeMatch(of: /(#{1,6}) (.*)/) {
      sections.append(.init(level: heading.1.count, title: String(heading.2)))
    }
    sections[sections.count - 1].lines.append(line)
    table(line)
    if line.prefixMatch(of: /(- |\d+\. )/) != nil { sections[sections.count - 1].items += 1 }
  }

  private mutating func fenced(_ line: String) {
    if !isFenced { endBlock() }
    block.append(line)
    if isFenced && line.hasPrefix("```") { endBlock() } else { isFenced = true }
  }

  private mutating func endBlock() {
    if !block.isEmpty { sections[sections.count - 1].blocks.append(block.joined(separator: "\n")) }
    block = []
    isFenced = false
  }

  private mutating func table(_ line: String) {
    let isRow = line.hasPrefix("|")
    if isRow && !isTable { sections[sections.count - 1].tableRows.append(0) }
    if isRow { sections[sections.count - 1].tableRows[sections.last!.tableRows.count - 1] += 1 }
    isTable = isRow
  }

  mutating func finished() -> [Document.Section] {
    endBlock()
    return sections.map { section in
      var section = section
      let text = section.lines.joined(separator: " ")
      section.codes = Set(text.matches(of: /`([^`]+)`/).map { String($0.1) })
      section.titleCodes = section.title.matches(of: /`([^`]+)`/).map { String($0.1) }
      section.links = text.matches(of: /\]\(([^)]+)\)/).map { String($0.1) }
      return section
    }
  }
}
