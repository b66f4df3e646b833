/// Rows of cells in aligned columns. Where they are wider than the page, the widest columns are cut first.
package struct Table {
  private var rows: [[Span]] = []
  /// Columns of numbers, which are aligned by their last digit.
  private let alignedRight: Set<Int>
  private let gap: Int

  /// `gap` is how many columns of the terminal stay free between two of the table.
  package init(alignedRight: Set<Int> = [], gap: Int) {
    self.alignedRight = alignedRight
    self.gap = gap
  }

  package mutating func add(_ row: [Span]) { rows.append(row) }

  package func write(to page: inout PageWriter, indent: Int) {
    let rows = rows.map { $0.map(page.shown) }
    let widths = widths(of: rows, within: page.width - indent)
    for row in rows {
      var line = [Span(spaces(indent))]
      for (column, cell) in row.enumerated() {
        let cell = cell.clipped(to: widths[column])
        let padding = Span(spaces(widths[column] - cell.columns))
        line += alignedRight.contains(column) ? [padding, cell] : [cell, padding]
        line.append(Span(spaces(column < row.count - 1 ? gap : 0)))
      }
      page.line(line)
    }
  }

  private func widths(of rows: [[Span]], within room: Int) -> [Int] {
    let count = rows.map(\.count).max() ?? 0
    var widths = (0..<count).map { column in
      rows.map { column < $0.count ? $0[column].columns : 0 }.max() ?? 0
    }
    var excess = widths.reduce(0, +) + gap * max(0, count - 1) - room
    while excess > 0, let widest = widths.indices.max(by: { widths[$0] < widths[$1] }), widths[widest] > 1 {
      widths[widest] -= 1
      excess -= 1
    }
    return widths
  }
}
