import Lab
import Testing

@Suite("S19: killed after any netlink message", .serialized)
struct CrashTests {
  @Test("nothing leaks, the next start converges, and nothing is left that no configuration accounts for")
  func everyMessage() throws {
    let outcomes = try inParallel(CrashSituation.all.count) { try CrashScene(CrashSituation.all[$0]).run() }
    for outcome in outcomes {
      print("killed after each of the \(outcome.messages) messages of a \(outcome.situation)")
      #expect(outcome.failures.isEmpty, "\(outcome.situation):\n\(outcome.failures.joined(separator: "\n"))")
      #expect(outcome.messages > 0, "\(outcome.situation)")
      // The control: what is counted is there to be counted.
      if outcome.situation.node == .gateway,
        [.start, .readdress, .teardown].contains(outcome.situation.doing)
      {
        #expect(outcome.leaksWithoutGuard > 0)
      }
    }
  }
}
