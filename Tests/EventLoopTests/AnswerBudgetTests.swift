import Testing

@testable import EventLoop

@Suite("What a server spends on answers")
struct AnswerBudgetTests {
  @Test("is a quarter of its time once the first store is spent, and an answer that took long is paid off")
  func share() {
    var now = MonotonicTime(nanoseconds: 0)
    var budget = AnswerBudget(now: now)
    var answers = 0
    // Of 5 ms each, for ten seconds, as fast as it goes.
    for _ in 0..<2000 {
      now = now + .milliseconds(5)
      guard budget.allows(at: now) else { continue }
      budget.spend(.milliseconds(5))
      answers += 1
    }
    #expect((545...555).contains(answers), "\(answers)")
    budget.spend(.milliseconds(400))
    let allowed = [1500, 1700].map { budget.allows(at: now + .milliseconds($0)) }
    #expect(allowed == [false, true])
  }

  @Test("is never more than what was kept, nor owed for longer than some seconds")
  func bounds() {
    var budget = AnswerBudget(now: MonotonicTime(nanoseconds: 0))
    let later = MonotonicTime(nanoseconds: 3_600_000_000_000)
    var allowed = [budget.allows(at: later)]
    budget.spend(AnswerBudget.most)
    allowed.append(budget.allows(at: later))
    budget.spend(.seconds(31_536_000))
    allowed.append(budget.allows(at: later + .seconds(5)))
    #expect(allowed == [true, false, true])
  }
}
