import Report
import Testing

@Suite("What the agent counts")
struct CountersTests {
  @Test("a histogram's buckets hold what took that long or less")
  func buckets() {
    var histogram = Histogram()
    for duration in [
      Duration.zero, .microseconds(50), .microseconds(51), .seconds(1), .seconds(3), .seconds(-1),
    ] {
      histogram.record(duration)
    }
    let cumulative = histogram.cumulative
    #expect(cumulative.map(\.bound) == Histogram.bounds)
    #expect(cumulative.first?.count == 3)
    #expect(cumulative[1].count == 4)
    #expect(cumulative.last?.count == 5)
    #expect(histogram.count == 6)
    #expect(histogram.sum == .microseconds(4_000_101))
  }

  @Test("bounds rise from 50 µs to 1 s")
  func bounds() {
    #expect(Histogram.bounds == Histogram.bounds.sorted())
    #expect(Histogram.bounds.first == 0.000_05)
    #expect(Histogram.bounds.last == 1)
  }

  @Test("a counter that is followed counts from the first reading on, also when it begins again")
  func followed() {
    var counter = FollowedCounter()
    var totals: [UInt64] = []
    for reading in [700, 900, 900, 50, 60] as [UInt64] {
      counter.follow(reading)
      totals.append(counter.total)
    }
    #expect(totals == [0, 200, 200, 250, 260])
  }

  @Test("status and metrics have the same counts")
  func status() {
    let counters = MetricsTests.busy
    var clock = WallClock()
    clock.follow(sinceEpoch: .seconds(Example.now.secondsSinceEpoch), sinceBoot: .seconds(50))
    let status = counters.reconcileStatus(by: clock)
    #expect(status.total == 2)
    #expect(status.failures == 1)
    #expect(status.lastDurationSeconds == 0.012)
    #expect(status.lastAt == Example.now)
    #expect(counters.driftStatus(by: WallClock()).repairedTotal == 4)
    #expect(counters.driftStatus(by: WallClock()).lastRepairSeconds == 2)
    #expect(counters.driftStatus(by: WallClock()).lastRepairAt == Timestamp(secondsSinceEpoch: 43))
    #expect(
      counters.driftStatus(by: WallClock()).repaired == [
        .init(kind: "new\nkind", count: 1), .init(kind: "route", count: 1), .init(kind: "rule", count: 2),
      ])
    #expect(MetricsTests.fresh.reconcileStatus(by: clock) == ReconcileStatus())
    #expect(MetricsTests.fresh.driftStatus(by: WallClock()) == DriftStatus())
  }

  @Test("a repair of nothing is none")
  func emptyRepair() {
    var counters = MetricsTests.fresh
    counters.recordRepair(of: ["rule": 0], duration: .seconds(1), at: .zero)
    #expect(counters == MetricsTests.fresh)
  }
}
