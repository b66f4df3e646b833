import Configuration
import Model
import Testing

@testable import Reconciliation

/// Exits a, b and c, and what is heard of them over time.
private struct Choosing {
  var gateway: GatewaySettings
  var choice = ExitChoice()
  var health: [String: ExitHealth] = [:]
  var now = Duration.seconds(100)

  init(_ spread: Spread = .none, failback: Duration = .seconds(60)) throws {
    gateway = try Examples.gateway()
    gateway.exits = try ["a", "b", "c"].enumerated().map { place, name in
      Exit(name: name, address: try #require(IPAddress("10.147.17.\(place + 2)")))
    }
    gateway.spread = spread
    gateway.probe.failbackAfter = failback
  }

  /// Each exit answers, loses or is not asked, as often as told, a second apart.
  mutating func hear(answered: String = "", lost: String = "", times: Int = 1) {
    for _ in 0..<times {
      for name in answered.map(String.init) { take(.answered, name) }
      for name in lost.map(String.init) { take(.lost, name) }
      now += .seconds(1)
    }
  }

  mutating func take(_ input: ExitHealth.Input, _ name: String) {
    health[name, default: ExitHealth(gateway.probe)].take(input, from: .echo, gateway.probe)
    update()
  }

  mutating func update() {
    choice.update(
      gateway.exits.map { ($0, health[$0.name] ?? ExitHealth(gateway.probe)) }, gateway, now: now)
  }

  var active: String { choice.active.joined() }
}

@Suite("The choice of an exit")
struct ExitChoiceTests {
  @Test("the first healthy one in order; a better one that answers a moment later takes over at once")
  func start() throws {
    var choosing = try Choosing()
    choosing.take(.answered, "c")
    #expect(choosing.active == "c")
    choosing.take(.answered, "a")
    #expect(choosing.active == "a")
    choosing.take(.answered, "b")
    #expect(choosing.active == "a")
  }

  @Test(
    "one that first answers when another has long been in use waits until it has been healthy for a while")
  func late() throws {
    var choosing = try Choosing()
    choosing.hear(answered: "b", times: 10)
    choosing.hear(answered: "ab", times: 60)
    #expect(choosing.active == "b")
    choosing.hear(answered: "ab")
    #expect(choosing.active == "a")
  }

  @Test("the next one takes over when it fails, and it returns after failbackAfter without a break")
  func failover() throws {
    var choosing = try Choosing()
    choosing.hear(answered: "abc", times: 3)
    choosing.hear(answered: "bc", lost: "a", times: 2)
    #expect(choosing.active == "a")
    choosing.hear(answered: "bc", lost: "a")
    #expect(choosing.active == "b")
    // Five answers make it healthy; a loss in between begins the time anew.
    choosing.hear(answered: "abc", times: 40)
    choosing.hear(answered: "bc", lost: "a")
    choosing.hear(answered: "abc", times: 60)
    #expect(choosing.active == "b")
    choosing.hear(answered: "abc")
    #expect(choosing.active == "a")
  }

  @Test("with none healthy there is none")
  func none() throws {
    var choosing = try Choosing()
    choosing.hear(answered: "abc")
    choosing.hear(lost: "abc", times: 3)
    #expect(choosing.active == "")
    choosing.hear(answered: "c", lost: "ab", times: 5)
    #expect(choosing.active == "c")
  }

  @Test("a pin holds against a better exit and against none at all, and auto gives the choice back at once")
  func pin() throws {
    var choosing = try Choosing()
    choosing.hear(answered: "abc", times: 70)
    choosing.choice.pinned = "b"
    choosing.update()
    #expect(choosing.active == "b")
    choosing.hear(answered: "ac", lost: "b", times: 3)
    #expect(choosing.active == "")
    choosing.choice.reset()
    #expect(choosing.choice.pinned == "b")
    choosing.choice.pinned = nil
    choosing.update()
    #expect(choosing.active == "a")
  }

  @Test("what a former run left open stays so until something speaks against it")
  func inherited() throws {
    var choosing = try Choosing()
    choosing.choice = ExitChoice(inherited: ["b"])
    choosing.take(.answered, "a")
    #expect(choosing.active == "b")
    choosing.take(.lost, "b")
    choosing.take(.lost, "b")
    #expect(choosing.active == "b")
    choosing.take(.lost, "b")
    #expect(choosing.active == "a")
  }

  @Test("with spread, all healthy ones share; one that fails leaves, and joins again after failbackAfter")
  func spread() throws {
    var choosing = try Choosing(.flows)
    choosing.hear(answered: "abc")
    #expect(choosing.active == "abc")
    choosing.hear(answered: "ac", lost: "b", times: 3)
    #expect(choosing.active == "ac")
    choosing.hear(answered: "abc", times: 64)
    #expect(choosing.active == "ac")
    choosing.hear(answered: "abc")
    #expect(choosing.active == "abc")
    choosing.gateway.spread = .none
    choosing.update()
    #expect(choosing.active == "a")
  }

  @Test("an exit that is gone from the configuration is not in use, and a pin on it is gone")
  func removed() throws {
    var choosing = try Choosing()
    choosing.hear(answered: "abc")
    choosing.choice.pinned = "b"
    choosing.update()
    choosing.gateway.exits.remove(at: 1)
    choosing.choice.rename(["a": "a", "c": "c"], in: choosing.gateway.exits)
    choosing.update()
    #expect(choosing.active == "a" && choosing.choice.pinned == nil)
  }

  @Test("an exit that has another name now carries on, pinned or not")
  func renamed() throws {
    var choosing = try Choosing()
    choosing.hear(answered: "abc", times: 5)
    choosing.choice.pinned = "a"
    choosing.gateway.exits[0].name = "z"
    choosing.choice.rename(["a": "z", "b": "b", "c": "c"], in: choosing.gateway.exits)
    choosing.update()
    #expect(choosing.active == "z" && choosing.choice.pinned == "z")
  }

  @Test("one that cannot be asked for a while does not make traffic come and go")
  func unsendable() throws {
    var choosing = try Choosing()
    choosing.hear(answered: "abc", times: 5)
    for _ in 0..<3 { choosing.take(.notSent, "a") }
    #expect(choosing.active == "b")
    choosing.hear(answered: "abc", times: 20)
    #expect(choosing.active == "b")
  }
}

@Suite("How flows are shared")
struct FlowSharesTests {
  private func exits(_ weights: [Int]) throws -> [Exit] {
    try weights.enumerated().map { place, weight in
      Exit(name: "\(place)", address: try #require(IPAddress("10.147.17.\(place + 2)")), weight: weight)
    }
  }

  private func text(_ all: [Exit], without dead: [String]) -> String {
    FlowShares.hops(all, usable: all.filter { !dead.contains($0.name) })
      .map { "\($0.exit.name):\($0.weight)" }.joined(separator: " ")
  }

  /// Which exit has each place of the hash: what the kernel makes of hops and weights.
  private func places(_ hops: [FlowShares.Hop], _ count: Int) -> [String] {
    let whole = hops.map(\.weight).reduce(0, +)
    return (0..<count).map { place in
      var bound = 0
      return hops.first {
        bound += $0.weight
        return place * whole < bound * count
      }?.exit.name ?? ""
    }
  }

  @Test(
    "no flow moves but those of the exit that leaves",
    arguments: [[1, 1, 1], [3, 1, 2], [5, 7, 1, 2], [256, 1]])
  func movement(_ weights: [Int]) throws {
    let all = try exits(weights)
    let before = places(FlowShares.hops(all, usable: all), 10_000)
    for dead in all {
      let after = places(FlowShares.hops(all, usable: all.filter { $0 != dead }), 10_000)
      let moved = zip(before, after).filter { $0 != $1 && $0 != dead.name }.count
      #expect(moved == 0 && !after.contains(dead.name))
    }
  }

  @Test("what the kernel has no room for is shared by the weights alone")
  func room() throws {
    let all = try exits([251, 241, 239])
    #expect(text(all, without: ["1"]) == "0:251 2:239")
    let many = try exits(Array(repeating: 1, count: 64))
    #expect(
      FlowShares.hops(many, usable: Array(many.dropFirst(3))).count == 61
        && FlowShares.hops(many, usable: many).count == 64)
  }

  @Test(
    "as the weights say, and an exit that leaves keeps its place for those who stay",
    arguments: [
      ([1, 1], [], "0:1 1:1"), ([1, 1], ["0"], "1:1"), ([2, 4], [], "0:1 1:2"),
      ([1, 1, 1], ["0"], "1:1 2:1 1:2 2:2"), ([1, 1, 1], ["1"], "0:1 2:1"),
      ([3, 1, 2], ["1"], "0:3 2:2"),
    ] as [([Int], [String], String)])
  func shares(_ weights: [Int], _ dead: [String], _ expected: String) throws {
    #expect(text(try exits(weights), without: dead) == expected)
  }
}
