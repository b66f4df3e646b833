import Reconciliation
import Testing

@Suite("The health of a WAN")
struct WANHealthTests {
  private static let answered = WANHealth.Round.answered(.milliseconds(9))
  private static let silent = WANHealth.Round.unanswered("no answer in time")

  /// What is thought after each round: `+` answered, `-` not; `?` nothing yet, `1` it answers, `0` it does not.
  private func course(_ rounds: String, failAfter: Int = 3, recoverAfter: Int = 2) -> String {
    var health = WANHealth()
    return rounds.reduce(into: "") { course, round in
      health.take(
        round == "+" ? Self.answered : Self.silent, failAfter: failAfter, recoverAfter: recoverAfter)
      #expect((health.problem == nil) == (round == "+") && (health.roundTrip != nil) == (round == "+"))
      course += health.answers.map { $0 ? "1" : "0" } ?? "?"
    }
  }

  @Test(
    "turns with as many rounds in a row as were asked for, and at once by the first answer",
    arguments: [
      ("+++", "111"), ("---+++", "??0011"), ("+--+--+", "1111111"), ("+---+-++", "11100001"),
      ("--+---", "??1110"), ("", ""),
    ])
  func course(_ rounds: String, _ expected: String) {
    #expect(course(rounds) == expected)
  }

  @Test("one round is enough where one is asked for")
  func single() {
    #expect(course("-+-+", failAfter: 1, recoverAfter: 1) == "0101")
  }
}
