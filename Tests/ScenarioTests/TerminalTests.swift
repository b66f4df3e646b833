import Foundation
import JSON
import Lab
import Testing

@Suite("What a person sees on a terminal", .serialized)
struct TerminalTests {
  private static let narrow = TerminalScreen.Size(columns: 80, rows: 60)
  private static let wide = TerminalScreen.Size(columns: 120, rows: 60)

  private func stage() throws -> Stage {
    try Stage(clouds: .two) { $0.replacing("failbackAfter: 2s", with: "failbackAfter: 1h") }
  }

  /// Sequences of ECMA-48 in it.
  private func sequences(_ text: String) -> Int { text.count { $0 == "\u{1b}" } }

  @Test("the page fits 80 columns and uses 120, on both roles, with colour and without")
  func page() throws {
    let stage = try stage()
    _ = try stage.lab.fetch(from: .pod).get()
    try stage.gateway.waitForStatus("round trips", within: .seconds(10)) { status in
      status["exits"]?.array?.allSatisfy { $0["rttHistorySeconds"]?.array?.count ?? 0 >= 20 } == true
    }
    for size in [Self.narrow, Self.wide] {
      for agent in [stage.gateway, stage.cloud] {
        let outcome = try TerminalScreen(of: agent.program, in: stage.lab, size).run(
          "NO_COLOR=1 agent status")
        let plain = outcome.lines
        #expect(outcome.status == 0 && plain.first?.hasPrefix("● ready for ") == true, "\(plain)")
        let path = agent.node == .gateway ? "pods ─" : "gateways ─"
        #expect(plain.contains { $0.contains(path) && $0.contains("▶ ● Internet") }, "\(plain)")
        // A line wider than the terminal would be wrapped.
        #expect(outcome.unwrapped.count == plain.count && sequences(outcome.coloured) == 0, "\(plain)")
        let coloured = try TerminalScreen(of: agent.program, in: stage.lab, size).run("agent status")
        #expect(coloured.unwrapped.count == coloured.lines.count && sequences(coloured.coloured) > 5)
        if agent.node == .gateway {
          let heading = plain.first { $0.contains("EXIT") } ?? ""
          #expect(
            heading.contains("LAST ") && heading.contains("SINCE") && heading.contains("ADDRESS"),
            "\(heading)")
          #expect(heading.contains("PEER") == (size == Self.wide), "\(heading)")
          #expect(
            plain.contains { $0.contains("cloud-a") && $0.contains("▁") && $0.contains("in use") }, "\(plain)"
          )
          let past = try #require(heading.firstMatch(of: /LAST (\d+)/).flatMap { Int($0.1) })
          #expect(past >= (size == Self.wide ? 20 : 8), "\(heading)")
        }
      }
    }
  }

  @Test(
    "a terminal with ASCII alone gets no more",
    arguments: [["LANG": "C"], ["TERM": "linux"], ["TERM": "dumb"]])
  func ascii(_ environment: [String: String]) throws {
    let stage = try Stage()
    let screen = try TerminalScreen(
      of: stage.gateway.program, in: stage.lab, Self.narrow, environment: environment)
    let outcome = try screen.run("agent status")
    let lines = outcome.lines
    #expect(outcome.status == 0 && lines.first?.hasPrefix("* ready for ") == true, "\(lines)")
    #expect(lines.joined().utf8.allSatisfy { $0 < 0x80 }, "\(lines)")
    #expect(lines.contains { $0.contains("pods -") && $0.contains("> * Internet") }, "\(lines)")
    #expect((sequences(outcome.coloured) == 0) == (environment["TERM"] == "dumb"), "\(outcome.coloured)")
  }

  @Test(
    "wide and hostile texts of others neither break a line nor reach the terminal", arguments: [narrow, wide])
  func hostile(_ size: TerminalScreen.Size) throws {
    let stage = try Stage()
    let name =
      #"東京のとても長い状態👩‍💻e\u0301\u0301\u0301\u0301 \u001b[2J\u001b]0;owned\u0007\u202eSDRAWKCAB\u200b한국"#
      + String(repeating: "界", count: 60)
    try stage.lab.zeroTier(.gateway).tell(
      .substitute("\"status\":\"OK\"", with: Array("\"status\":\"\(name)\"".utf8)))
    try stage.gateway.waitFor(phase: "blocked", within: .seconds(5))
    let screen = try TerminalScreen(of: stage.gateway.program, in: stage.lab, size)
    let outcome = try screen.run("agent status")
    let lines = outcome.lines
    #expect(outcome.status == 2 && lines.first?.hasPrefix("■ blocked for ") == true, "\(lines)")
    #expect(outcome.unwrapped.count == lines.count, "\(lines)")
    let first = lines.prefix(5).joined(separator: "\n")
    #expect(first.contains("  ! ") && first.contains("東京") && first.contains("\n    → "), "\(first)")
    // What ZeroTier says is made printable when it is read.
    #expect(lines.contains { $0.contains("?[2J?]0;owned??SDRAWKCAB?한국界") }, "\(lines)")
    #expect(try screen.variable("pane_title").contains("owned") == false)
  }

  @Test("a configuration's exit names are of plain letters, and one that is not is refused in print")
  func refusedName() throws {
    let lab = try Lab()
    defer { lab.close() }
    let text = try lab.configuration(for: .gateway)
      .replacing("name: cloud-a", with: #"name: "東京\e[2J\u202e👩""#)
    let program = try lab.agentProgram(on: .gateway, configuration: text)
    let screen = try TerminalScreen(of: program, in: lab, Self.narrow)
    let outcome = try screen.run("agent check")
    let lines = outcome.lines
    #expect(outcome.status == 78 && lines.joined().contains("gateway.exits[0].name: "), "\(lines)")
    #expect(lines.joined().contains(#"\u{1b}[2J"#), "\(lines)")
  }
}

@Suite("The page that draws itself anew", .serialized)
struct WatchTests {
  @Test(
    "follows the terminal's size and the daemon, clears nothing before it draws, and gives the screen back")
  func watch() throws {
    let stage = try Stage()
    let screen = try TerminalScreen(of: stage.gateway.program, in: stage.lab, .init(columns: 120, rows: 40))
    try screen.type("echo what was here before")
    let recording = "\(stage.lab.directory)/watch.raw"
    try screen.record(to: recording)
    try screen.type("agent status --watch; echo \"exit=$?\"")
    try screen.wait("the page") { $0.hasPrefix("● ready for ") && $0.contains("PEER") }
    #expect(try screen.variable("alternate_on") == "1" && screen.variable("cursor_flag") == "0")
    try screen.resize(.init(columns: 80, rows: 40))
    let narrow = try screen.wait("the narrow page") { $0.hasPrefix("● ready for ") && !$0.contains("PEER") }
    #expect(narrow.contains("Agent  ") && !narrow.contains("what was here before"), "\(narrow)")
    try screen.resize(.init(columns: 80, rows: 8))
    try screen.wait("what there is no room for") { $0.contains("more lines; a taller window shows all") }
    try screen.resize(.init(columns: 120, rows: 40))
    try screen.wait("the page again") { $0.contains("PEER") && !$0.contains("more lines") }
    stage.gateway.kill()
    let gone = try screen.wait("the silence") { $0.hasPrefix("■ no answer for ") }
    #expect(
      gone.contains("systemctl status liteboxd-agent") && gone.contains("Its last word was ready."), "\(gone)"
    )
    #expect(!gone.contains("EXIT"), "what is not known any more is still shown: \(gone)")
    let second = try stage.lab.startAgent(on: .gateway)
    try second.waitFor(phase: "ready", within: .seconds(10))
    try screen.wait("the page of the next daemon") { $0.hasPrefix("● ready for ") }
    try screen.press("C-c")
    let after = try screen.wait("the shell") { $0.contains("exit=130") }
    #expect(after.contains("what was here before") && !after.contains("● ready"), "\(after)")
    #expect(try screen.variable("alternate_on") == "0" && screen.variable("cursor_flag") == "1")
    try expectNoFlicker(recording)
    // What is typed is shown again.
    try screen.type("echo still $((40 + 2))")
    try screen.wait("the echo") { $0.contains("echo still $((40") && $0.contains("still 42") }
  }

  /// Each page is one synchronized update over the former one.
  private func expectNoFlicker(_ recording: String) throws {
    let raw = try String(decoding: Data(contentsOf: URL(filePath: recording)), as: UTF8.self)
    let frames = raw.components(separatedBy: "\u{1b}[?2026h").dropFirst()
    #expect(frames.count >= 5)
    for frame in frames {
      #expect(frame.hasPrefix("\u{1b}[H"), "\(frame.prefix(20).debugDescription)")
      #expect(frame.contains("\u{1b}[J\u{1b}[?2026l"))
      #expect(!frame.contains("\u{1b}[2J"), "\(frame.debugDescription)")
    }
  }

  @Test("can be stopped and continued, with the shell's screen in between")
  func suspended() throws {
    let stage = try Stage()
    let screen = try TerminalScreen(of: stage.gateway.program, in: stage.lab, .init(columns: 80, rows: 40))
    try screen.type("echo what was here before")
    try screen.type("agent status --watch")
    try screen.wait("the page") { $0.hasPrefix("● ready for ") }
    try screen.press("C-z")
    try screen.wait("the shell") { $0.contains("what was here before") && $0.contains("Stopped") }
    try screen.type("fg")
    try screen.wait("the page again") { $0.hasPrefix("● ready for ") }
    try screen.press("C-c")
    try screen.wait("the shell again") { $0.contains("Stopped") && $0.contains("fg") }
  }

  @Test("is refused where nothing can be drawn upon")
  func noTerminal() throws {
    let stage = try Stage()
    let piped = try stage.gateway.run(["status", "--watch"])
    #expect(
      piped.status == .exited(64) && piped.stdout.isEmpty
        && piped.stderr.contains("--watch draws upon a terminal"))
    let screen = try TerminalScreen(
      of: stage.gateway.program, in: stage.lab, .init(columns: 80, rows: 40), environment: ["TERM": "dumb"])
    #expect(try screen.run("agent status --watch").status == 64)
  }
}
