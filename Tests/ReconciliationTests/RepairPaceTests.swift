import Reconciliation
import Testing

@Suite("The pace of repairs")
struct RepairPaceTests {
  @Test("repairs are immediate for long, then ever slower up to a second, and immediate again after peace")
  func pace() {
    var now = Duration.zero
    var pace = RepairPace(now: now)
    var delays: [Duration] = []
    // An opponent who strikes within a millisecond of each repair.
    for _ in 0..<4_000 {
      let wait = pace.wait(now: now)
      if wait > .zero { delays.append(wait) }
      now += wait + .milliseconds(1)
      pace.repaired(now: now)
    }
    #expect(delays.prefix(4) == [.milliseconds(5), .milliseconds(10), .milliseconds(20), .milliseconds(40)])
    #expect(delays.max() == .seconds(1))
    #expect(pace.delay != nil && pace.isFight)
    #expect(pace.wait(now: now + .seconds(60)) == .zero)
    #expect(pace.delay == nil && !pace.isFight)
  }

  @Test(
    "an opponent who strikes every ten milliseconds is a fight within two seconds, long before it is slowed")
  func fight() {
    var pace = RepairPace(now: .zero)
    for round in 1...200 { pace.repaired(now: .milliseconds(10 * round)) }
    #expect(pace.isFight && pace.delay == nil)
    var calm = RepairPace(now: .zero)
    for round in 1...200 { calm.repaired(now: .milliseconds(200 * round)) }
    #expect(!calm.isFight)
    pace.settle(.seconds(11))
    #expect(pace.isFight)
    pace.settle(.seconds(13))
    #expect(!pace.isFight)
  }
}
