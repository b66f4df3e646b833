import JSON
import Report
import Testing

private func moment(_ second: Int64) -> Timestamp { Timestamp(secondsSinceEpoch: 1_795_251_600 + second) }

private func repair(_ changes: String..., by: [String] = [], seconds: Double = 0.001) -> Happening {
  .driftRepaired(.init(changes: changes, by: by, seconds: seconds))
}

private let everyKind: [Happening] = [
  .started(version: "0.1.0"), .stopped, repair("ip rule add priority 150", by: ["ip"]),
  .exitSwitched(from: ["cloud-a"], to: ["cloud-b"], why: "cloud-a: no answer"),
  .exitSwitched(from: [], to: ["cloud-a"], why: nil),
  .phaseChanged(from: .ready, to: .degraded, reasons: ["exit-standby"]),
  .configurationTaken(cause: "SIGHUP", sha256: "b802744bd5f1aa"),
  .configurationRefused(cause: "request", error: "/etc/liteboxd/agent.yaml:3:7: unknown key \"x\""),
  .overrun, .fightBegan(with: ["systemd-networkd"]), .fightEnded,
]

@Suite("The history of events")
struct EventRingTests {
  @Test("numbers what happens, and knows what is new after a number")
  func numbers() {
    var ring = EventRing()
    for happening in everyKind { #expect(ring.append(happening, at: moment(0)) == .new) }
    #expect(ring.events.map(\.number) == Array(1...Int64(everyKind.count)))
    #expect(ring.events(after: 9).map(\.number) == [10, 11])
    #expect(ring.events(after: 11).isEmpty && ring.events(after: 99).isEmpty)
    #expect(ring.events(after: 0).count == everyKind.count)
    #expect(EventRing().events(after: 0).isEmpty)
  }

  @Test("repairs that are alike are one event, which counts as new whenever one is added")
  func folding() throws {
    var ring = EventRing()
    ring.append(.started(version: "1"), at: moment(0))
    ring.append(repair("a", seconds: 0.5), at: moment(1))
    ring.append(repair("b"), at: moment(2))
    #expect(ring.append(repair("a", seconds: 0.1), at: moment(3)) == .folded)
    #expect(ring.events.map(\.number) == [1, 3, 4])
    let last = try #require(ring.events.last)
    #expect(last.count == 2 && last.first == 2 && last.time == moment(1) && last.lastTime == moment(3))
    #expect(last.happening == repair("a", seconds: 0.5))
    #expect(ring.events(after: 3).map(\.count) == [2])
  }

  @Test(
    "what is not alike, long ago or before something else stays an event of its own",
    arguments: [
      [repair("a"), repair("a", by: ["ip"])], [repair("a"), .stopped, repair("a")], [.stopped, .stopped],
      [repair("a"), repair("b")],
    ])
  func apart(_ happenings: [Happening]) {
    var ring = EventRing()
    for happening in happenings { ring.append(happening, at: moment(0)) }
    #expect(ring.events.allSatisfy { $0.count == 1 } && ring.events.count == happenings.count)
  }

  @Test("a minute of peace ends a series, also when the clock is set", arguments: [61, -61])
  func pause(_ pause: Int64) {
    var ring = EventRing()
    ring.append(repair("a"), at: moment(0))
    #expect(ring.append(repair("a"), at: moment(pause)) == .new)
  }

  @Test("is bounded in number; a storm of different repairs leaves the others")
  func fair() {
    var ring = EventRing()
    for happening in everyKind { ring.append(happening, at: moment(0)) }
    for number in 0..<5_000 { ring.append(repair("ip rule add \(number)"), at: moment(1)) }
    #expect(ring.events.count == EventRing.mostEvents && ring.last == Int64(5_000 + everyKind.count))
    let rest = ring.events.filter { $0.happening.kind != .driftRepaired }.map(\.happening)
    #expect(rest == everyKind.filter { $0.kind != .driftRepaired })
    #expect(ring.events.last?.happening == repair("ip rule add 4999"))
  }

  @Test("is bounded in octets, whatever others write into configuration files and links' names")
  func octets() {
    var ring = EventRing()
    let long = String(repeating: "\u{1F4A9}", count: 5_000)
    for number in 0..<400 {
      ring.append(.configurationRefused(cause: "\(number)", error: long), at: moment(0))
      ring.append(
        .driftRepaired(
          .init(changes: Array(repeating: long + "\(number)", count: 50), by: [long], seconds: 0)),
        at: moment(0))
    }
    let text = ring.events.map { $0.json().text.utf8.count }.reduce(0, +)
    #expect(text < 2 * EventRing.mostOctets && ring.events.count > 10)
    let repair = ring.events.last { $0.happening.kind == .driftRepaired }
    #expect(repair?.json()["changesTotal"] == 50 && repair?.json()["changes"]?.array?.count == 8)
  }

  @Test("takes up what was kept, each event as it was last, and goes on behind it")
  func restore() {
    var former = EventRing()
    for happening in everyKind { former.append(happening, at: moment(0)) }
    let early = former.events
    former.append(repair("x"), at: moment(1))
    former.append(repair("x"), at: moment(1))
    var ring = EventRing()
    ring.restore(former.events + early.shuffled() + former.events)
    #expect(ring.events == former.events && ring.last == former.last)
    ring.append(.stopped, at: moment(2))
    #expect(ring.events.last?.number == former.last + 1)
  }

  @Test("numbers that leave none to go on with are not taken up")
  func implausible() {
    var event = AgentEvent(number: .max, at: moment(0), .stopped)
    var ring = EventRing()
    ring.restore([event])
    event.number = 5
    event.first = 5
    event.count = .max
    ring.restore([event])
    ring.append(.stopped, at: moment(0))
    #expect(ring.events.map(\.number) == [1])
  }
}

@Suite("An event")
struct EventFormTests {
  @Test("survives writing and reading as JSON", arguments: everyKind)
  func roundTrip(_ happening: Happening) throws {
    var event = AgentEvent(number: 7, at: moment(0), happening)
    (event.first, event.count, event.lastTime) = (3, 5, moment(9))
    #expect(try AgentEvent(json: JSONValue(parsing: event.json().text.utf8)) == event)
  }

  @Test(
    "is one line for people",
    arguments: [
      (
        repair("ip rule add x", by: ["ip"], seconds: 0.000_6),
        "drift-repaired        1 change in 0.6 ms, by ip: ip rule add x"
      ),
      (
        .exitSwitched(from: ["cloud-a"], to: [], why: "cloud-a: no answer"),
        "exit-switched         cloud-a → none: cloud-a: no answer"
      ),
      (.phaseChanged(from: .starting, to: .ready, reasons: []), "phase-changed         starting → ready"),
      (.fightEnded, "fight-ended           no repair was needed for a while"),
    ] as [(Happening, String)])
  func line(_ happening: Happening, _ wanted: String) {
    #expect(AgentEvent(number: 1, at: moment(0), happening).line == "2026-11-21T09:00:00Z  \(wanted)")
  }

  @Test("of a series tells how often it happened and since when")
  func series() {
    var event = AgentEvent(number: 9, at: moment(0), repair("a"))
    (event.count, event.lastTime) = (37, moment(5))
    #expect(event.line.hasPrefix("2026-11-21T09:00:05Z  drift-repaired"))
    #expect(event.line.hasSuffix(": a (37 times since 2026-11-21T09:00:00Z)"))
  }

  @Test("moves no cursor and begins no line, whatever is in it; in JSON it is whole")
  func hostile() throws {
    let text = "\u{1b}[2J\r\n2026-11-21T09:00:00Z  stopped\u{202e}\u{2028}\u{9b}31m"
    let event = AgentEvent(number: 1, at: moment(0), .configurationRefused(cause: "request", error: text))
    #expect(
      event.line.unicodeScalars.allSatisfy { $0.value >= 0x20 && ![0x9b, 0x202e, 0x2028].contains($0.value) })
    #expect(event.line.split(whereSeparator: \.isNewline).count == 1)
    let json = event.json().text
    #expect(json.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x9b })
    #expect(try JSONValue(parsing: json.utf8)["error"]?.string == text)
  }

  @Test("of a kind that is not known is shown as it came")
  func unknown() {
    let event: JSONValue = ["number": 1, "event": "moon-landing", "who": "\u{1b}"]
    #expect(EventAnswer.line(event) == #"{"number": 1, "event": "moon-landing", "who": "\u001b"}"#)
  }

  @Test(
    "is asked for from a time on",
    arguments: [
      ("90s", 910), ("10m", 400), ("2026-11-21T09:00:00Z", 0), ("2026-11-21T10:00:07.25+01:00", 7),
      ("2026-11-21T04:30:00-04:30", 0),
    ])
  func cutoff(_ text: String, _ wanted: Int64) {
    #expect(EventCutoff(text)?.moment(now: moment(1_000)) == moment(wanted))
  }

  @Test(
    "no time is guessed",
    arguments: [
      "", "m", "10", "-5m", "1.5h", "9999999999s", "10M", "2026-11-21", "2026-02-30T09:00:00Z",
      "2026-11-21T09:00:00", "2026-11-21T09:00:00.Z", "2026-11-21T09:00:00+24:00", "2026-11-21T09:00:00+0100",
    ])
  func noCutoff(_ text: String) { #expect(EventCutoff(text) == nil) }
}

@Suite("The daemon's answer about events")
struct EventAnswerTests {
  private func answer(_ count: Int64) -> EventAnswer {
    let events = (1...count).map { AgentEvent(number: $0, at: moment($0), .stopped).json() }
    return EventAnswer(last: count, run: 77, runFirst: 5, events: events)
  }

  @Test("survives writing and reading, and can be cut to the last ones or from a time on")
  func answer() throws {
    var answer = answer(9)
    #expect(try EventAnswer(json: JSONValue(parsing: answer.json().text.utf8)) == answer)
    answer.keep(since: moment(4))
    #expect(answer.events.map { $0["number"] } == [4, 5, 6, 7, 8, 9])
    answer.keep(last: 2)
    #expect(answer.events.map { $0["number"] } == [8, 9])
  }

  @Test(
    "of another run misses nothing of it, though numbers that were not kept come again",
    arguments: [
      (3, 3), (4, 4), (8, 4),
    ])
  func resumption(_ known: Int64, _ wanted: Int64) { #expect(answer(9).resumption(from: known) == wanted) }
}
