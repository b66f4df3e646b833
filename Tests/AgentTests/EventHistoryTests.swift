import Glibc
import JSON
import Report
import TestPeers
import Testing

@testable import Agent

@Suite("The history of events on disk")
struct EventHistoryTests {
  private let place = TemporaryDirectory()
  private var path: String { place.path + "/.events.jsonl" }

  private func history() -> EventHistory { EventHistory(in: place.path, Log(level: .error)) }

  private func kinds(_ history: EventHistory) -> [String] {
    history.answer(since: 0, run: 1).events.compactMap { $0["event"]?.string }
  }

  private func size(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : -1
  }

  private func append(_ text: String) {
    guard let file = fopen(path, "a") else { return }
    fputs(text, file)
    fclose(file)
  }

  @Test("outlives restarts, and numbers go on")
  func restart() {
    let first = history()
    _ = first.record(.started(version: "1"))
    _ = first.record(.stopped)
    #expect(first.keep() && size(path) > 0)
    let next = history()
    _ = next.record(.started(version: "2"))
    let answer = next.answer(since: 1, run: 9)
    #expect(answer.events.map { $0["number"] } == [2, 3] && answer.runFirst == 3 && answer.last == 3)
    #expect(kinds(next) == ["started", "stopped", "started"])
    #expect(next.keep() && next.keep())
    #expect(kinds(history()) == ["started", "stopped", "started"])
  }

  @Test("a directory that is missing is made")
  func missing() {
    let deep = EventHistory(in: place.path + "/a/b", Log(level: .error))
    _ = deep.record(.stopped)
    #expect(deep.keep() && size(place.path + "/a/b/.events.jsonl") > 0)
  }

  @Test(
    "a line that was torn, or is no event, is left out, and what follows is not",
    arguments: [
      #"{"number": 3, "first": 3, "event": "stop"#, "\0\0\0\0\0\0", "{}\n[]\nnull\n", "\n\n", "\u{ff}\u{fe}",
      #"{"number": 9223372036854775807, "first": 1, "event": "stopped", "time": "2026-11-21T09:00:00Z", "#
        + #""lastTime": "2026-11-21T09:00:00Z", "count": 1}"#,
      String(repeating: "[", count: 100_000),
    ])
  func torn(_ rest: String) {
    let first = history()
    _ = first.record(.started(version: "1"))
    #expect(first.keep())
    append(rest)
    let next = history()
    _ = next.record(.started(version: "2"))
    #expect(next.keep() && kinds(next) == ["started", "started"])
    let last = history()
    #expect(last.answer(since: 0, run: 1).events.map { $0["version"] } == ["1", "2"])
  }

  @Test("is bounded on disk, and a storm leaves there what it leaves in memory")
  func bounded() {
    let first = history()
    _ = first.record(.started(version: "1"))
    for number in 0..<6_000 {
      let change = "ip rule add priority \(number) from 10.147.17.1 lookup 100 proto 157"
      _ = first.record(.driftRepaired(.init(changes: [change], by: ["ip"], seconds: 0.001)))
      if number % 20 == 0 { #expect(first.keep()) }
      #expect(size(path) <= EventFile.longest)
    }
    #expect(first.keep() && size(path + ".1") > 0 && size(path + ".1") <= 4 * EventRing.mostOctets)
    let next = history()
    #expect(next.answer(since: 0, run: 1).events == first.answer(since: 0, run: 1).events)
    #expect(kinds(next).first == "started")
  }

  @Test("a series that goes on is one event after a restart too")
  func series() {
    let first = history()
    for _ in 0..<40 {
      _ = first.record(.driftRepaired(.init(changes: ["a"], by: [], seconds: 0.001)))
      #expect(first.keep())
    }
    let events = history().answer(since: 0, run: 1).events
    #expect(events.count == 1 && events.first?["count"] == 40)
  }

  /// What may stand where the file should be.
  enum Obstacle: CaseIterable { case directory, fifo, link, fileForDirectory }

  @Test("what stands in the way costs what would be kept, and nothing else", arguments: Obstacle.allCases)
  func obstacle(_ obstacle: Obstacle) {
    var home = place.path
    switch obstacle {
    case .directory: mkdir(path, 0o700)
    case .fifo: mkfifo(path, 0o600)
    case .link: symlink("/etc/hostname", path)
    case .fileForDirectory:
      place.write("file", "")
      home += "/file"
    }
    let history = EventHistory(in: home, Log(level: .error))
    _ = history.record(.stopped)
    #expect(!history.keep() && kinds(history) == ["stopped"])
    _ = history.record(.overrun)
    #expect(!history.keep() && kinds(history) == ["stopped", "overrun"])
    guard obstacle != .fileForDirectory else { return }
    #expect(remove(path) == 0 && history.keep())
    #expect(kinds(EventHistory(in: home, Log(level: .error))) == ["stopped", "overrun"])
  }
}
