import Model

/// The exits, one a line. What a narrow page has no room for is left out, the least needed first; what is left over
/// shows more of the past round trips.
struct ExitTable {
  private struct Column {
    let title: String
    let cells: [Span]
    var isAlignedRight = false
    /// Lower ones are left out earlier; nil: never.
    var rank: Int?

    var width: Int { ([Span(title)] + cells).map(\.columns).max() ?? 0 }
  }

  /// Fewer say nothing of how it was lately.
  private static let leastHistory = 8
  /// So many come before what is only good to know.
  private static let goodHistory = 24
  /// Of the columns that are only good to know.
  private static let lastExtra = 3
  /// Longer names are cut: what they are of is worth more.
  private static let longestName = 24
  private static let indent = 2
  private static let gap = 2

  private let exits: [ExitStatus]
  private let now: Timestamp

  init(_ exits: [ExitStatus], now: Timestamp) {
    self.exits = exits
    self.now = now
  }

  func write(to page: inout PageWriter) {
    var columns = columns
    let longest = exits.map(\.rttHistorySeconds.count).max() ?? 0
    while let least = columns.compactMap(\.rank).min(),
      room(beside: columns, page)
        < min(longest, least <= Self.lastExtra ? Self.goodHistory : Self.leastHistory)
    {
      columns.removeAll { $0.rank == least }
    }
    let shown = min(longest, room(beside: columns, page))
    if shown > 0, shown >= min(longest, Self.leastHistory) {
      let place = (columns.firstIndex { $0.title == "RTT" } ?? columns.count - 1) + 1
      columns.insert(history(shown), at: place)
    }
    table(columns).write(to: &page, indent: Self.indent)
    problems(&page)
  }

  /// What a further column may have.
  private func room(beside columns: [Column], _ page: PageWriter) -> Int {
    page.width - Self.indent - columns.reduce(0) { $0 + $1.width + Self.gap }
  }

  private var columns: [Column] {
    var columns = [
      Column(
        title: "EXIT",
        cells: exits.map { Span($0.name, $0.active ? .strong : .plain).clipped(to: Self.longestName) }),
      Column(title: "ADDRESS", cells: exits.map { Span($0.address.description) }, rank: 4),
      Column(title: "STATE", cells: exits.map(\.state)),
      Column(
        title: "SINCE",
        cells: exits.map { exit in
          Span(exit.healthSince.map { roughAge(now.seconds(since: $0)) } ?? "-")
        }, isAlignedRight: true, rank: 5),
      Column(
        title: "RTT", cells: exits.map { Span($0.rttSeconds.map(shortTime) ?? "-") }, isAlignedRight: true),
      Column(
        title: "LOSS",
        cells: exits.map {
          Span($0.lossRatio.map(percent) ?? "-", ($0.lossRatio ?? 0) > 0 ? .caution : .plain)
        },
        isAlignedRight: true, rank: 6),
      Column(
        title: "PATH",
        cells: exits.map { Span($0.path?.rawValue ?? "-", $0.path == .relayed ? .caution : .plain) },
        rank: 7),
    ]
    if exits.contains(where: { $0.peer != nil }) {
      columns.append(Column(title: "PEER", cells: exits.map { Span($0.peer ?? "-") }, rank: 3))
    }
    if exits.contains(where: { $0.throughSeconds != nil }) {
      columns.append(
        Column(
          title: "THROUGH", cells: exits.map { Span($0.throughSeconds.map(shortTime) ?? "-") },
          isAlignedRight: true, rank: 1))
    }
    if exits.contains(where: { $0.publicAddress != nil }) {
      columns.append(
        Column(title: "SEEN AS", cells: exits.map { Span($0.publicAddress?.description ?? "-") }, rank: 2))
    }
    return columns
  }

  private func history(_ count: Int) -> Column {
    let cells = exits.map { exit in
      let shown = exit.rttHistorySeconds.suffix(count)
      return Span(
        Sparkline.text(exit.rttHistorySeconds, columns: count),
        shown.contains { $0 == nil } ? .caution : .good)
    }
    return Column(title: "LAST \(count)", cells: cells, isAlignedRight: true)
  }

  private func table(_ columns: [Column]) -> Table {
    let right = columns.indices.filter { columns[$0].isAlignedRight }
    var table = Table(alignedRight: Set(right), gap: Self.gap)
    table.add(columns.map { Span($0.title, .faint) })
    for row in exits.indices { table.add(columns.map { $0.cells[row] }) }
    return table
  }

  /// One line below the table for each exit that has one.
  private func problems(_ page: inout PageWriter) {
    for exit in exits {
      guard let problem = exit.problem else { continue }
      page.prose([Span("  ! ", exit.health.tone)], [Span(exit.name + ":", exit.health.tone), Span(problem)])
    }
  }
}

extension ExitStatus {
  /// What it is used for, and its health where that does not go without saying.
  fileprivate var state: Span {
    switch (pinned, active, healthy) {
    case (true, true, _): Span("pinned" + doubt, health == .healthy ? .caution : health.tone)
    case (true, false, _): Span("pinned" + doubt, .bad)
    case (false, true, _): Span("in use" + doubt, health.tone)
    case (false, false, true): Span("standby" + doubt, health == .healthy ? .plain : health.tone)
    case (false, false, false): Span(health.rawValue, health.tone)
    }
  }

  private var doubt: String { health == .healthy ? "" : ", " + health.rawValue }

  /// The host that its packets come from.
  fileprivate var peer: String? {
    guard path == .direct, let address = zerotier?.address else { return nil }
    return address.lastIndex(of: ":").map { String(address[..<$0]) } ?? address
  }
}
