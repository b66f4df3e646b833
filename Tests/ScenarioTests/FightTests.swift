import Foundation
import Glibc
import JSON
import Lab
import Testing

@Suite("S15: somebody undoes every repair", .serialized)
struct FightTests {
  @Test("is reported as a fight with what is known of the opponent, costs little, and leaks nothing")
  func fight() throws {
    let stage = try Stage()
    let gateway = try stage.lab.namespace(.gateway)
    try stage.underTraffic(from: .flowing) { traffic in
      let before = try processorTime(of: stage.gateway)
      let start = Moment.now
      // As a manager that reads what it wrote each ten milliseconds would.
      let loop = "for i in $(seq 500); do ip route del default table 100; sleep 0.01; done 2>/dev/null"
      let statuses = try inParallel(2) { [agent = stage.gateway] number -> JSONValue? in
        if number == 0 {
          _ = try gateway.execute(["sh", "-c", loop]).run()
          return nil as JSONValue?
        }
        return try agent.waitForStatus("the fight", within: .seconds(8)) {
          $0["reasons"]?.array?.contains { $0["code"] == "fight" } ?? false
        }
      }
      let status = try #require(statuses.compactMap { $0 }.first)
      let message = status["reasons"]?.array?.first { $0["code"] == "fight" }?["message"]?.string ?? ""
      #expect(message.contains("the last were"), "\(message)")
      let share = (try processorTime(of: stage.gateway) - before) / ((Moment.now - start) / .seconds(1))
      // A debug build, under traffic, repairing some fifty times a second.
      #expect(share < 0.5, "\(share) of a core")
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    try stage.expectInSync()
  }
}
