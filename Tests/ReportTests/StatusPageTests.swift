import Model
import Report
import Testing

@Suite("The status page")
struct StatusPageTests {
  private func page(_ example: Example, _ width: Int, _ style: StatusPage.Style = .plain) -> String {
    StatusPage.render(example.status, now: Example.now, width: width, style: style)
  }

  private func withoutColour(_ page: String) -> String { page.replacing(/\u{1b}\[[0-9;]*m/, with: "") }

  @Test("looks as in the golden files", arguments: Example.allCases, [80, 120])
  func golden(_ example: Example, _ width: Int) throws {
    try expectGolden(page(example, width), "\(example.rawValue)-\(width)-plain.txt")
    try expectGolden(page(example, width, .coloured), "\(example.rawValue)-\(width)-coloured.txt")
  }

  @Test("has no line wider than it may be", arguments: Example.allCases)
  func width(_ example: Example) {
    for width in 40...130 {
      let lines = page(example, width).split(separator: "\n")
      #expect(lines.allSatisfy { terminalColumns($0) <= min(width, 120) }, "\(example) at \(width)")
    }
  }

  @Test("takes widths that nothing fits into as 40", arguments: [-1, 0, 1, 39])
  func narrow(_ width: Int) {
    #expect(page(.hostile, width) == page(.hostile, 40))
  }

  @Test("says the same with colour as without", arguments: Example.allCases)
  func colours(_ example: Example) {
    #expect(page(example, 80, .coloured) != page(example, 80))
    #expect(withoutColour(page(example, 80, .coloured)) == page(example, 80))
  }

  @Test("holds nothing that a terminal acts upon", arguments: Example.allCases)
  func safety(_ example: Example) {
    for text in [page(example, 80), withoutColour(page(example, 120, .coloured))] {
      #expect(text.split(separator: "\n").allSatisfy { terminalSafe($0) == $0 })
    }
  }

  @Test("has no space at a line's end", arguments: Example.allCases)
  func trailingSpace(_ example: Example) {
    #expect(!page(example, 80).contains(" \n"))
  }

  @Test(
    "gives ages in their two largest units",
    arguments: [
      (0, "0s"), (-5, "0s"), (59, "59s"), (60, "1m 0s"), (3_599, "59m 59s"), (11_520, "3h 12m"),
      (86_400, "1d 0h"),
      (180_000, "2d 2h"),
    ])
  func ages(_ seconds: Int64, _ text: String) {
    var status = Example.ready.status
    status.phaseSince = Timestamp(secondsSinceEpoch: Example.now.secondsSinceEpoch - seconds)
    let page = StatusPage.render(status, now: Example.now, width: 80, style: .plain)
    #expect(page.hasPrefix("● ready for \(text): traffic flows\n"))
  }

  @Test(
    "gives round trips in a unit that fits",
    arguments: [
      (0, "0 µs"), (0.000_085, "85 µs"), (0.0009, "0.9 ms"), (0.012_14, "12.1 ms"), (0.25, "250 ms"),
      (1.518, "1.52 s"),
      (-0.001, "0 µs"), (Double.infinity, "?"), (Double.nan, "?"),
    ])
  func roundTrips(_ seconds: Double, _ text: String) {
    var status = Example.ready.status
    status.exits[0].rttSeconds = seconds
    let page = StatusPage.render(status, now: Example.now, width: 120, style: .plain)
    #expect(page.contains("healthy, \(text)  "))
  }

  @Test(
    "status exits with its phase",
    arguments: [(Phase.ready, 0), (.degraded, 1), (.blocked, 2), (.starting, 2)] as [(Phase, Int32)])
  func exitStatus(_ phase: Phase, _ status: Int32) {
    #expect(phase.exitStatus == status)
  }
}
