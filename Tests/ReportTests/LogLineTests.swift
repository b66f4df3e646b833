import JSON
import Report
import Testing

@Suite("Log lines")
struct LogLineTests {
  private let moment = LogLine.Moment(Example.start, milliseconds: 42)
  private let entry = LogEntry(
    .notice, "repaired rule 150", [("table", "100"), ("by", "cilium agent"), ("none", "")])

  @Test("begin with the priority for the journal, which has the time itself")
  func journal() {
    let line = LogLine.render(entry, at: moment, as: .journal)
    #expect(line == "<5>repaired rule 150 table=100 by=\"cilium agent\" none=\"\"\n")
  }

  @Test("have time and level for people")
  func text() {
    let line = LogLine.render(entry, at: moment, as: .text)
    #expect(
      line == "2026-11-21T09:00:00.042Z notice  repaired rule 150 table=100 by=\"cilium agent\" none=\"\"\n")
  }

  @Test("are one object for programs")
  func json() {
    let line = LogLine.render(entry, at: moment, as: .json)
    let expected = #"""
      {"time": "2026-11-21T09:00:00.042Z", "level": "notice", "message": "repaired rule 150", "table": "100", "by": "cilium agent", "none": ""}

      """#
    #expect(line == expected)
  }

  @Test(
    "quote values that could be taken for something else",
    arguments: [
      ("10.147.17.1/24", "10.147.17.1/24"), ("a b", "\"a b\""), ("a=b", "\"a=b\""),
      ("say \"hi\"", #""say \"hi\"""#),
      (#"back\slash"#, #""back\\slash""#), ("two\nlines", #""two\nlines""#), ("\u{1b}[2J", #""\u{1b}[2J""#),
      ("\u{202e}", #""\u{202e}""#), ("東京", "\"東京\""), ("<0>", "\"<0>\""),
    ])
  func values(_ value: String, _ written: String) {
    let line = LogLine.render(LogEntry(.info, "seen", [("name", value)]), at: moment, as: .journal)
    #expect(line == "<6>seen name=\(written)\n")
  }

  @Test(
    "quote messages that could be taken for fields",
    arguments: [
      ("a\nb", #"<6>a\nb"#), ("level=error", "<6>\"level=error\""), ("", "<6>\"\""),
      ("adding rule 150 \"from 10.147.17.1\"", "<6>adding rule 150 \"from 10.147.17.1\""),
      ("x \u{1b}[31m=\n\"", #"<6>"x \u{1b}[31m=\n\"""#),
    ])
  func messages(_ message: String, _ written: String) {
    #expect(LogLine.render(LogEntry(.info, message), at: moment, as: .journal) == written + "\n")
  }

  @Test("make keys plain words")
  func keys() {
    let line = LogLine.render(LogEntry(.error, "m", [("a b\n=\"", "1")]), at: moment, as: .journal)
    #expect(line == "<3>m a_b___=1\n")
  }

  @Test("give each member of an object its own name")
  func duplicateKeys() throws {
    let entry = LogEntry(.info, "m", [("time", "1"), ("a", "2"), ("a", "3")])
    let line = LogLine.render(entry, at: moment, as: .json)
    let members = try JSONValue(parsing: line.utf8).members?.map(\.key)
    #expect(members == ["time", "level", "message", "time_", "a", "a_"])
  }

  @Test(
    "stay one line of bounded length, whatever is in them", arguments: ["\u{10ffff}", "\n", "界", "\"", "\0"])
  func bounded(_ character: String) {
    let flood = String(repeating: character, count: 100_000)
    let entry = LogEntry(.info, flood, Array(repeating: (key: "k", value: flood), count: 20))
    for format in [LogLine.Format.journal, .text] {
      let line = LogLine.render(entry, at: moment, as: format)
      #expect(line.utf8.count < 48 * 1024)
      #expect(line.utf8.count { $0 == 0x0a } == 1)
    }
    #expect(LogLine.render(entry, at: moment, as: .json).utf8.count { $0 == 0x0a } == 1)
  }

  @Test("have a priority and a name for each level", arguments: zip(LogLevel.allCases, [3, 4, 5, 6, 7]))
  func levels(_ level: LogLevel, _ priority: Int) {
    #expect(LogLine.render(LogEntry(level, "m"), at: moment, as: .journal) == "<\(priority)>m\n")
    #expect(LogLevel(name: level.name) == level)
    #expect(level <= .error)
    #expect(LogLevel(name: "loud") == nil)
  }
}
