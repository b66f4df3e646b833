import EventLoop
import Model
import Testing

@testable import Agent

@Suite("Echo requests and their answers")
struct EchoLedgerTests {
  private let exits = (2...4).map { IPAddress(family: .ipv4, bits: 0x0a93_1100 + UInt128($0)) }

  private func at(_ milliseconds: Int64) -> MonotonicTime {
    MonotonicTime(nanoseconds: 1_000_000_000 + milliseconds * 1_000_000)
  }

  private func ledger(asking count: Int = 3) -> EchoLedger {
    var ledger = EchoLedger(timeout: .milliseconds(100))
    for place in 0..<count { ledger.sent(to: place % 3, at: exits[place % 3], at(0)) }
    return ledger
  }

  @Test("an answer counts once, in time, and from the exit that was asked")
  func answers() {
    var ledger = ledger()
    #expect(ledger.nextSequence == 3)
    #expect(ledger.answered(1, from: exits[0], at(10)) == .stranger)
    #expect(ledger.answered(1, from: exits[1], at(10)) == .inTime(exit: 1, .milliseconds(10)))
    #expect(ledger.answered(1, from: exits[1], at(11)) == .duplicate(exit: 1))
    #expect(ledger.answered(9, from: exits[0], at(11)) == .stranger)
    #expect(ledger.answered(65535, from: exits[0], at(11)) == .stranger)
  }

  @Test("what is overdue is lost once, and an answer that comes later is late")
  func losses() {
    var ledger = ledger()
    #expect(ledger.nextExpiry() == at(100))
    _ = ledger.answered(0, from: exits[0], at(99))
    #expect(ledger.expire(at(99)) == [])
    #expect(ledger.expire(at(100)) == [1, 2])
    #expect(ledger.expire(at(200)) == [] && ledger.nextExpiry() == nil)
    #expect(ledger.answered(2, from: exits[2], at(150)) == .late(exit: 2, .milliseconds(150)))
    #expect(ledger.answered(2, from: exits[2], at(151)) == .duplicate(exit: 2))
  }

  @Test("a wall clock that was set does not make an answer come before its question")
  func clock() {
    var ledger = ledger()
    #expect(ledger.answered(0, from: exits[0], at(-5000)) == .inTime(exit: 0, .zero))
  }

  @Test("sequence numbers come round, and what is settled and old is forgotten")
  func wrapping() {
    var ledger = EchoLedger(timeout: .milliseconds(100))
    for round in 0..<70_000 {
      let now = at(Int64(round) * 10)
      let sequence = ledger.nextSequence
      #expect(sequence == UInt16(truncatingIfNeeded: round))
      ledger.sent(to: 0, at: exits[0], now)
      if round % 2 == 0 { #expect(ledger.answered(sequence, from: exits[0], now) == .inTime(exit: 0, .zero)) }
      #expect(ledger.expire(now).count <= 1)
    }
    // Four hundred milliseconds ago: three times the timeout have passed.
    #expect(ledger.answered(UInt16(truncatingIfNeeded: 69_960), from: exits[0], at(700_000)) == .stranger)
    #expect(
      ledger.answered(UInt16(truncatingIfNeeded: 69_980), from: exits[0], at(700_000)) == .duplicate(exit: 0))
  }

  @Test("nothing that awaits an answer is forgotten, however many there are")
  func crowd() {
    var ledger = EchoLedger(timeout: .seconds(60))
    for _ in 0..<38_400 { ledger.sent(to: 0, at: exits[0], at(0)) }
    #expect(ledger.expire(at(60_000)).count == 38_400)
  }
}
