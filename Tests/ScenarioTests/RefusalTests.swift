import Glibc
import Lab
import Testing

@Suite("S23: the kernel rejects changes, or its answers lie or are lost", .serialized)
struct RefusalTests {
  /// Which fault begins. Of a failure it is told, to try the same again.
  static let rotation = getenv("REFUSAL_ROTATION").flatMap { Int(String(cString: $0)) } ?? 0

  @Test(
    "at any change: old state or new, nothing leaks, it is told, read again, and got right without a restart")
  func everyChange() throws {
    let situations = CrashSituation.all.filter { !$0.isReaddressed }
    let outcomes = try inParallel(situations.count) { number in
      try RefusalScene(situations[number], rotation: Self.rotation + 3 * number).run()
    }
    for outcome in outcomes {
      print(
        "each of the \(outcome.changes) changes of a \(outcome.situation), \(outcome.faults.count) faults")
      #expect(outcome.failures.isEmpty, "\(outcome.situation):\n\(outcome.failures.joined(separator: "\n"))")
      #expect(outcome.changes > 0 && outcome.faults.count == KernelFault.all.count, "\(outcome.situation)")
      // The control: what is counted is there to be counted.
      if outcome.situation.node == .gateway, [.start, .teardown].contains(outcome.situation.doing) {
        #expect(outcome.leaksWithoutGuard > 0)
      }
    }
  }
}
