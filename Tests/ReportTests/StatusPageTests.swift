import Model
import Report
import Testing

@Suite("The status page")
struct StatusPageTests {
  private func page(_ example: Example, _ width: Int, _ style: StatusPage.Style = .plain) -> String {
    StatusPage.render(example.status, now: Example.now, width: width, style: style)
  }

  private func withoutColour(_ page: String) -> String { page.replacing(/\u{1b}\[[0-9;]*m/, with: "") }

  @Test("looks as in the golden files", arguments: Example.allCases, [80, 120, 160])
  func golden(_ example: Example, _ width: Int) throws {
    try expectGolden(page(example, width), "\(example.rawValue)-\(width)-plain.txt")
    try expectGolden(page(example, width, .coloured), "\(example.rawValue)-\(width)-coloured.txt")
  }

  @Test("has no line wider than it may be", arguments: Example.allCases)
  func width(_ example: Example) {
    for width in 40...170 {
      let lines = page(example, width).split(separator: "\n")
      #expect(lines.allSatisfy { terminalColumns($0) <= min(width, 160) }, "\(example) at \(width)")
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

  @Test("keeps to ASCII where the terminal has no more, and to the width", arguments: Example.allCases)
  func ascii(_ example: Example) throws {
    for width in [40, 80, 120, 160] {
      let style = StatusPage.Style(isColoured: false, characters: .ascii)
      let page = StatusPage.render(example.status, now: Example.now, width: width, style: style)
      #expect(page.utf8.allSatisfy { $0 == 0x0a || (0x20...0x7e).contains($0) }, "\(page)")
      #expect(page.split(separator: "\n").allSatisfy { $0.utf8.count <= width }, "\(page)")
      if width == 80 { try expectGolden(page, "\(example.rawValue)-80-ascii.txt") }
    }
  }

  @Test(
    "names the cause and its remedy in the first five lines, however long they are",
    arguments: Example.allCases.filter { $0.status.phase != .ready }, [1, 40])
  func firstLines(_ example: Example, _ times: Int) {
    var status = example.status
    if !status.reasons.isEmpty {
      status.reasons[0].message = String(repeating: status.reasons[0].message + " ", count: times)
      status.reasons[0].remedy = String(repeating: status.reasons[0].remedy + " ", count: times)
    }
    let page = StatusPage.render(status, now: Example.now, width: 80, style: .plain)
    let first = page.split(separator: "\n", omittingEmptySubsequences: false).prefix(5).joined(
      separator: "\n")
    #expect(first.contains(status.phase.rawValue) && first.contains("\n    → "), "\(page)")
    if let reason = status.reasons.first { #expect(first.contains("  ! \(reason.code): "), "\(page)") }
    #expect(page.contains("The first reason in full") == (times > 1 && !status.reasons.isEmpty))
  }

  @Test("says of a daemon that does not answer any more what was tried, and its last word")
  func silence() throws {
    let silence = StatusPage.Silence(
      problem: "asking the daemon at /run/liteboxd/agent.sock: no such file or directory (ENOENT)\u{1b}[2J",
      seconds: 75, lastPhase: .degraded)
    try expectGolden(StatusPage.render(silence, width: 80, style: .plain), "silence-80-plain.txt")
  }

  @Test("shows with more room more of the past, and what there was no room for")
  func room() {
    func heading(_ width: Int) -> Substring {
      page(width == 80 ? .degraded : .ready, width).split(separator: "\n").first { $0.contains("EXIT") } ?? ""
    }
    #expect(heading(60).contains("RTT") && !heading(60).contains("ADDRESS"))
    #expect(heading(80).contains("ADDRESS") && heading(80).contains("LAST ") && !heading(80).contains("PEER"))
    #expect(heading(120).contains("PEER") && heading(160).contains("SEEN AS"))
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
    let page = StatusPage.render(status, now: Example.now, width: 80, style: .plain)
    #expect(page.contains("healthy, \(text)  "))
  }

  @Test(
    "status exits with its phase",
    arguments: [(Phase.ready, 0), (.degraded, 1), (.blocked, 2), (.starting, 2)] as [(Phase, Int32)])
  func exitStatus(_ phase: Phase, _ status: Int32) {
    #expect(phase.exitStatus == status)
  }
}
