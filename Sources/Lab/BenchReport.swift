/// What a benchmark found.
public struct BenchReport: Sendable {
  public struct Part: Sendable {
    public let name: String
    public let sections: [BenchSection]
    /// How long it took to measure all of it.
    public let took: Duration

    public init(name: String, sections: [BenchSection], took: Duration) {
      self.name = name
      self.sections = sections
      self.took = took
    }
  }

  public let parts: [Part]
  public init(parts: [Part]) { self.parts = parts }

  public var sections: [BenchSection] { parts.flatMap(\.sections) }
  public var goals: [BenchGoal] { sections.flatMap(\.goals) }

  /// The section of that title.
  public subscript(title: String) -> BenchSection? { sections.first { $0.title == title } }
}

extension BenchReport {
  /// Tables, and in the end every goal with its figure.
  public func text(before: BenchReport? = nil) -> String {
    var lines: [String] = []
    for section in sections {
      lines += BenchTable(section, before: before?[section.title]).lines + [""]
    }
    lines.append("goals: \(goals.count { $0.holds }) of \(goals.count) hold")
    for section in sections {
      lines += section.goals.map { "  \($0.line)" }
    }
    let took = parts.map { "\($0.name) \(BenchUnit.seconds.text($0.took.seconds))" }
    return (lines + ["", "took: " + took.joined(separator: ", ")]).joined(separator: "\n")
  }
}

/// A section as aligned columns.
private struct BenchTable {
  let lines: [String]

  init(_ section: BenchSection, before: BenchSection?) {
    let head = [section.title, "n", "median", "p99", "max"]
    let rows = section.rows.map { ["  " + $0.name] + BenchTable.columns($0) }
    let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
    func line(_ cells: [String]) -> String {
      zip(cells, widths).enumerated().map { column, pair in
        let space = String(repeating: " ", count: pair.1 - pair.0.count)
        return column == 0 ? pair.0 + space : "  " + space + pair.0
      }.joined()
    }
    let shown = zip(section.rows, rows).map { row, cells in
      let remarks = BenchTable.remarks(row, before: before?[row: row.name])
      let text = line(cells)
      guard remarks.isEmpty else { return text + "   " + remarks.joined(separator: ", ") }
      return String(text.reversed().drop { $0 == " " }.reversed())
    }
    lines = [line(head)] + shown + section.notes.map { "  \($0)" }
  }

  private static func columns(_ row: BenchRow) -> [String] {
    switch row.figure {
    case .spread(let spread):
      ["\(spread.count)", row.unit.text(spread.median), row.unit.text(spread.p99), row.unit.text(spread.max)]
    case .single(let value): ["", row.unit.text(value), "", ""]
    case .none: ["", "-", "", ""]
    }
  }

  /// What stands behind the columns: ratios, the earlier run, or why there is no figure.
  private static func remarks(_ row: BenchRow, before: BenchRow?) -> [String] {
    var remarks = row.ratios.map { "\(BenchUnit.times.text($0.value)) \($0.other)" }
    if case .none(let reason) = row.figure { remarks.append(reason) }
    if let before, before.unit == row.unit, let ratio = row.times(before) {
      remarks.append("\(BenchUnit.times.text(ratio)) before")
    }
    return remarks
  }
}
