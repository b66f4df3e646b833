import Glibc
import JSON
import Lab
import Testing

/// One list for all cases: a part that is in none can rot.
private let parts = BenchPart.all.map(\.name)

@Suite("The benchmark", .serialized)
struct BenchTests {
  private func measure(_ part: String, rest: Duration? = nil) throws -> BenchReport {
    var options = Bench.Options()
    options.isQuick = true
    options.rest = rest
    options.only = [try #require(BenchPart.named(part))]
    return try Bench.measure(options)
  }

  @Test(
    "measures each of its parts, in a quick run, with a figure or a reason in every row", arguments: parts)
  func everyPart(_ part: String) throws {
    let report = try measure(part)
    #expect(report.parts.map(\.name) == [part])
    #expect(!report.sections.isEmpty)
    for section in report.sections {
      #expect(!section.rows.isEmpty, "\(section.title)")
      #expect(
        Set(section.rows.map(\.name)).count == section.rows.count, "\(section.title): names are told apart")
      for row in section.rows {
        if case .none(let reason) = row.figure { #expect(!reason.isEmpty) } else { #expect(row.value != nil) }
      }
      for goal in section.goals { #expect(goal.figure != nil, "\(goal.text)") }
    }
  }

  @Test("times every fault as often as it was asked to, by the agent and by the C floor")
  func faults() throws {
    let report = try measure("repair")
    let section = try #require(report["time to repair, idle: from the fault to the object read back"])
    let faults = [
      "rule deleted", "route deleted", "tunnel default deleted", "tunnel default replaced",
      "table of 8 routes flushed", "ip_forward set to 0", "rp_filter set to 1",
      "address back: to the tunnel default",
    ]
    #expect(section.rows.map(\.name) == faults.flatMap { [$0, "\($0), C floor"] })
    for row in section.rows {
      guard case .spread(let spread) = row.figure else {
        Issue.record("\(row.name): not timed")
        continue
      }
      #expect(spread.count == 5 && spread.median > 0 && spread.median <= spread.p99)
    }
    #expect(section.notes == ["nftables table deleted: refused by the kernel (owned table)"])
    #expect(report.goals.count == 4)
  }

  @Test("finds every one of a thousand deletions in a row repaired: an event that comes early is no lost one")
  func quickDeletions() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.startAgent(on: .cloudA).waitFor(phase: "ready", within: .seconds(10))
    let agent = try lab.startAgent(on: .gateway)
    try agent.waitFor(phase: "ready", within: .seconds(10))
    let found = try lab.measureRepairs(
      rounds: 1000, pause: .milliseconds(1), agent, of: "route deleted")
    #expect(found.map(\.times.count) == [1000])
  }

  @Test("finds one thread, few descriptors, and less than 10 MB in a release build at rest")
  func footprint() throws {
    // Who waits until it is ready asks for its status, and what answers is let go of with the next full reading.
    let found = try #require(try measure("footprint", rest: .seconds(35))["at rest"])
    let figures = Dictionary(uniqueKeysWithValues: found.rows.map { ($0.name, $0.value ?? 0) })
    #expect((1..<32).contains(figures["descriptors"] ?? 0))
    #expect((1...(figures["RSS"] ?? 0)).contains(figures["PSS"] ?? 0))
    #expect(figures["wake-ups in a second"] ?? 0 > 0)
    #expect(figures["libraries"] ?? 0 > 0)
    // Another build carries what finds its faults, threads among it.
    guard getenv("LITEBOXD_AGENT").map({ String(cString: $0).contains("/release/") }) == true else { return }
    #expect(figures["threads"] == 1)
    #expect(figures["RSS"] ?? 0 < 10_000_000)
  }

  @Test("takes as long from an exit's end to the change of the route as its probes do")
  func outages() throws {
    let section = try #require(try measure("exits")["from an exit's end to the change of the route"])
    for row in section.rows { #expect((0.4..<2).contains(row.value ?? 0), "\(row.name)") }
  }
}

@Suite("A benchmark's report")
struct BenchReportTests {
  private static let floor = BenchRow("C floor", .seconds, 0.000_040)
  private static let agent = BenchRow("agent", [.microseconds(60), .microseconds(50), .microseconds(90)])
  private let report = BenchReport(
    parts: [
      .init(
        name: "repair",
        sections: [
          BenchSection(
            "from damage to repair",
            [
              Self.floor, Self.agent.beside(Self.floor),
              BenchRow("peer", .seconds, .none("does not repair")),
            ],
            notes: ["idle"],
            goals: [
              BenchGoal("beside the floor", .times, Self.agent.times(Self.floor), .atMost(1.5)),
              BenchGoal("99th percentile", .seconds, Self.agent.p99, .below(0.000_08)),
              BenchGoal("peer", .seconds, nil, .atMost(1)),
            ])
        ], took: .seconds(3))
    ])

  @Test("shows figures in columns, ratios behind them, and each goal with its figure on a line of its own")
  func text() {
    #expect(
      report.text() == """
        from damage to repair  n  median    p99    max
          C floor                  40 µs
          agent                3   60 µs  90 µs  90 µs   1.5 × C floor
          peer                         -                 does not repair
          idle

        goals: 1 of 3 hold
          holds          beside the floor: 1.5 × (goal: at most 1.5 ×)
          does not hold  99th percentile: 90 µs (goal: below 80 µs)
          does not hold  peer: not measured (goal: at most 1 s)

        took: repair 3 s
        """)
  }

  @Test("compares medians with those of an earlier run, read back from its JSON")
  func comparison() throws {
    let saved = try BenchReport(json: JSONValue(parsing: report.json.text.utf8))
    let lines = report.text(before: saved).split(separator: "\n")
    #expect(lines[1] == "  C floor                  40 µs                 1 × before")
    #expect(lines[2] == "  agent                3   60 µs  90 µs  90 µs   1.5 × C floor, 1 × before")
    #expect(lines[3] == "  peer                         -                 does not repair")
  }

  @Test(
    "rounds to three digits that count",
    arguments: [
      (0.041_72, "0.0417"), (4.172, "4.17"), (41.72, "41.7"), (417.2, "417"), (41_720, "41720"), (2, "2"),
    ])
  func digits(_ value: Double, _ text: String) {
    #expect(BenchUnit.other("").text(value) == text + " ")
  }
}
