import Glibc
import Lab
import Testing

@Suite("The benchmark", .serialized)
struct BenchTests {
  private func measure(rounds: Int, outages: Int = 0) throws -> BenchReport {
    var options = Bench.Options()
    options.rounds = rounds
    options.starts = rounds
    options.rest = .seconds(1)
    options.probing = .seconds(1)
    options.outages = outages
    return try Bench.measure(options)
  }

  @Test("times every fault and every start as often as it was asked to")
  func structure() throws {
    let report = try measure(rounds: 5, outages: 2)
    #expect(
      report.repairs.map(\.title) == [
        "rule deleted", "route deleted", "tunnel default deleted", "tunnel default replaced",
        "table of 8 routes flushed", "ip_forward set to 0", "rp_filter set to 1",
        "address back: to the tunnel default",
      ])
    let starts = report.starts
    for times in report.repairs.map(\.times) + [starts.toFirstChange, starts.toFailClosed, starts.toReady] {
      #expect(times.count == 5 && times == times.sorted())
      #expect(times.allSatisfy { $0 > .zero })
    }
    #expect(zip(starts.toFirstChange, starts.toFailClosed).allSatisfy { $0 <= $1 })
    #expect(zip(starts.toFailClosed, starts.toReady).allSatisfy { $0 <= $1 })
    #expect(report.ownedTable == .refused)
    let json = report.json
    #expect(json["repairSeconds"]?.array?.count == 8)
    #expect(json["repairSeconds"]?.array?.first?["p99"]?.number ?? 0 > 0)
    #expect(json["startSeconds"]?.array?.count == 3)
    #expect(json["footprint"]?["threads"]?.integer ?? 0 > 0)
    #expect(report.text.contains("rule deleted"))
    let exits = try #require(report.exits)
    #expect(exits.exits == 64 && exits.cpuShare > 0 && exits.cpuShare < 1)
    #expect(exits.toBlocked.count == 2 && exits.toSwitched.count == 2)
    #expect((exits.toBlocked + exits.toSwitched).allSatisfy { $0 > .milliseconds(400) && $0 < .seconds(2) })
    #expect(json["outageSeconds"]?.array?.count == 2)
    #expect(report.text.contains("64 exits that answer"))
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

  @Test("finds one thread, few descriptors, and less than 12 MB in a release build at rest")
  func footprint() throws {
    let found = try measure(rounds: 1).footprint
    #expect(found.descriptors > 0 && found.descriptors < 32)
    #expect(found.proportionalKiB > 0 && found.proportionalKiB <= found.residentKiB)
    #expect(found.wakeUps > 0)
    #expect(!found.libraries.isEmpty)
    // Another build carries what finds its faults, threads among it.
    guard getenv("LITEBOXD_AGENT").map({ String(cString: $0).contains("/release/") }) == true else { return }
    #expect(found.threads == 1)
    #expect(found.residentKiB < 12_000_000 / 1024)
  }
}
