import Configuration
import Foundation
import TestPeers
import Testing

@testable import Reconciliation

/// One row of the table of transitions: after the history the state is `from`, and the input makes it `to`.
struct Transition: Sendable, CustomTestStringConvertible {
  let from: ProbeHealth.State
  let input: ProbeHealth.Input
  let condition: String
  let to: ProbeHealth.State
  /// A: answered, L: lost, N: not sent, U: unasked.
  let history: String
  var failAfter = 3

  var row: String { "| \(from) | \(input) | \(condition) | \(to) |" }
  var testDescription: String { row }

  private static func unasked(_ count: Int) -> String { String(repeating: "U", count: count) }

  static let table = [
    Transition(
      from: .unknown, input: .answered, condition: "it never failed on this path", to: .healthy, history: ""),
    Transition(
      from: .unknown, input: .answered, condition: "it failed; fewer answers in a row than needed",
      to: .unknown,
      history: "LLLNNNA"),
    Transition(
      from: .unknown, input: .answered, condition: "it failed; as many answers in a row as needed",
      to: .healthy,
      history: "LLLNNNAAAA"),
    Transition(
      from: .unknown, input: .lost, condition: "fewer than failAfter lost in a row", to: .unknown,
      history: "NL"),
    Transition(
      from: .unknown, input: .lost, condition: "the failAfter-th lost in a row", to: .unhealthy,
      history: "LNL"),
    Transition(from: .unknown, input: .notSent, condition: "always", to: .unknown, history: "NNNN"),
    Transition(from: .healthy, input: .answered, condition: "always", to: .healthy, history: "A"),
    Transition(
      from: .healthy, input: .lost, condition: "failAfter is more than 1", to: .suspect, history: "A"),
    Transition(
      from: .healthy, input: .lost, condition: "failAfter is 1", to: .unhealthy, history: "A", failAfter: 1),
    Transition(
      from: .healthy, input: .notSent, condition: "failAfter is more than 1", to: .suspect, history: "A"),
    Transition(
      from: .healthy, input: .notSent, condition: "failAfter is 1", to: .unknown, history: "A", failAfter: 1),
    Transition(from: .suspect, input: .answered, condition: "always", to: .healthy, history: "ALN"),
    Transition(
      from: .suspect, input: .lost, condition: "fewer than failAfter without an answer in a row",
      to: .suspect,
      history: "AL"),
    Transition(
      from: .suspect, input: .lost, condition: "the failAfter-th without an answer in a row", to: .unhealthy,
      history: "ALN"),
    Transition(
      from: .suspect, input: .notSent, condition: "fewer than failAfter without an answer in a row",
      to: .suspect,
      history: "AN"),
    Transition(
      from: .suspect, input: .notSent, condition: "the failAfter-th without an answer in a row", to: .unknown,
      history: "ALL"),
    Transition(
      from: .unhealthy, input: .answered, condition: "fewer answers in a row than needed", to: .unhealthy,
      history: "LLLAAALAAA"),
    Transition(
      from: .unhealthy, input: .answered, condition: "as many answers in a row as needed", to: .healthy,
      history: "LLLAAAA"),
    Transition(from: .unhealthy, input: .lost, condition: "always", to: .unhealthy, history: "LLLLL"),
    Transition(
      from: .unhealthy, input: .notSent, condition: "fewer than failAfter not sent in a row", to: .unhealthy,
      history: "LLLNLN"),
    Transition(
      from: .unhealthy, input: .notSent, condition: "the failAfter-th not sent in a row", to: .unknown,
      history: "LLLNN"),
    Transition(from: .unknown, input: .unasked, condition: "always", to: .unknown, history: "UU"),
    Transition(
      from: .healthy, input: .unasked, condition: "at most 10 × failAfter in a row", to: .healthy,
      history: "A" + unasked(29)),
    Transition(
      from: .healthy, input: .unasked, condition: "more in a row, as notSent", to: .suspect,
      history: "A" + unasked(30)),
    Transition(
      from: .suspect, input: .unasked, condition: "at most 10 × failAfter in a row", to: .suspect,
      history: "ALL" + unasked(29)),
    Transition(
      from: .suspect, input: .unasked, condition: "more in a row, as notSent", to: .unknown,
      history: "A" + unasked(32)),
    Transition(
      from: .unhealthy, input: .unasked, condition: "at most 10 × failAfter in a row", to: .unhealthy,
      history: "LLL" + unasked(29)),
    Transition(
      from: .unhealthy, input: .unasked, condition: "more in a row, as notSent", to: .unknown,
      history: "LLL" + unasked(32)),
    Transition(from: .unknown, input: .pathChanged, condition: "always", to: .unknown, history: "NN"),
    Transition(from: .healthy, input: .pathChanged, condition: "always", to: .unknown, history: "A"),
    Transition(from: .suspect, input: .pathChanged, condition: "always", to: .unknown, history: "AL"),
    Transition(from: .unhealthy, input: .pathChanged, condition: "always", to: .unknown, history: "LLL"),
  ]

  /// The rows of docs/exits.md.
  static func documented() throws -> [String] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "../../docs/exits.md")
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
    let states = ProbeHealth.State.allCases.map { "| \($0) | " }
    return lines.filter { line in states.contains { line.hasPrefix($0) } }
  }
}

extension ProbeHealth {
  mutating func take(_ history: String, _ settings: ProbeSettings) {
    for letter in history {
      let inputs: [Character: Input] = ["A": .answered, "L": .lost, "N": .notSent, "U": .unasked]
      if let input = inputs[letter] { take(input, settings) }
    }
  }
}

@Suite("The health of a probe")
struct ProbeHealthTests {
  @Test("each transition of the table is what happens", arguments: Transition.table)
  func transition(_ transition: Transition) {
    let settings = ProbeSettings(failAfter: transition.failAfter)
    var health = ProbeHealth()
    health.take(transition.history, settings)
    #expect(health.state == transition.from)
    health.take(transition.input, settings)
    #expect(health.state == transition.to)
  }

  @Test("the documented table is this one, and has every state with every input")
  func documented() throws {
    #expect(try Transition.documented() == Transition.table.map(\.row))
    for state in ProbeHealth.State.allCases {
      for input in ProbeHealth.Input.allCases {
        #expect(Transition.table.contains { $0.from == state && $0.input == input }, "\(state) \(input)")
      }
    }
  }

  /// Inputs at random, from a seed that the failure names.
  @Test("whatever comes, nothing is usable without answers, and no silence lasts", arguments: 0..<20)
  func invariants(_ seed: UInt64) {
    var numbers = SplitMix(seed: seed)
    let settings = ProbeSettings(
      failAfter: Int.random(in: 1...4, using: &numbers), recoverAfter: Int.random(in: 1...4, using: &numbers))
    var health = ProbeHealth()
    var (answers, silences, hasFailed) = (0, 0, false)
    for _ in 0..<2_000 {
      let before = health
      let input = ProbeHealth.Input.allCases[Int.random(in: 0..<40, using: &numbers) % 13 % 5]
      health.take(input, settings)
      switch input {
      case .answered: (answers, silences) = (answers + 1, 0)
      case .lost, .notSent: (answers, silences) = (0, silences + 1)
      case .pathChanged: (answers, silences) = (0, 0)
      // So many in a row do not come up.
      case .unasked: #expect(health == before || health.state == before.state)
      }
      if health.state == .healthy { #expect(input == .answered || input == .unasked) }
      if !before.isUsable, health.isUsable { #expect(answers >= (hasFailed ? settings.recoverAfter : 1)) }
      if silences >= settings.failAfter { #expect(!health.isUsable) }
      if before.isUsable, !health.isUsable {
        #expect(silences >= settings.failAfter || input == .pathChanged)
      }
      hasFailed = hasFailed || health.state == .unhealthy || (before.isUsable && !health.isUsable)
      if input == .pathChanged { hasFailed = false }
      if health.state == .healthy { hasFailed = false }
    }
  }

  @Test("what fails again soon has to answer twice as long, up to 32 times, and once calm as at first")
  func damping() {
    let settings = ProbeSettings(failAfter: 3, recoverAfter: 5)
    var health = ProbeHealth()
    health.take(.answered, settings)
    for needed in [5, 10, 20, 40, 80, 160, 160, 160] {
      health.take("LLL", settings)
      #expect(health.state == .unhealthy)
      health.take(String(repeating: "A", count: needed - 1), settings)
      #expect(health.state == .unhealthy)
      health.take(.answered, settings)
      #expect(health.state == .healthy)
    }
    health.take(String(repeating: "A", count: 6 * 50), settings)
    health.take("LLLAAAAA", settings)
    #expect(health.state == .healthy)
  }

  @Test("a peer that dies and returns every second for a minute is taken at most twice")
  func flapping() {
    // At five probes a second: five are answered, five are lost.
    let settings = ProbeSettings(interval: .milliseconds(200), failAfter: 3, recoverAfter: 5)
    var health = ProbeHealth()
    var openings = 0
    for _ in 0..<30 {
      for letter in "AAAAALLLLL" {
        let before = health.isUsable
        health.take(String(letter), settings)
        if !before, health.isUsable { openings += 1 }
      }
    }
    #expect(openings <= 2)
  }
}
