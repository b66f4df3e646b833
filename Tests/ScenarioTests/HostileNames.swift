import Foundation
import JSON
import Lab
import Testing

/// Text that does harm wherever it is not shown as text: it ends lines, quotes, labels and commands, paints and
/// titles a terminal, reorders what follows, and poses as the agent's own words.
enum HostileText {
  static let name = "\u{1b}]0;title\u{7}\u{1b}[31m\n\"'} 1\r<0>phase=ready\t\u{202e}`id`$(id);\\ # {{"
  /// As an interface may be called: at most 15 octets, and no space, slash or colon.
  static let links = ["zt;reboot", "$(reboot)\"'&", "\u{1b}[31m\u{7}`x`\\", "a\"}1#{{x}}\u{9b}2J"]
  /// As a process may be called.
  static let process = "\u{1b}[2J\"\n=x;`id`"

  /// The same as a JSON text may hold it, over and over, up to that many octets.
  static func escaped(_ count: Int) -> [UInt8] {
    let unit = name.unicodeScalars.map { scalar in
      let digits = String(scalar.value, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }.joined()
    return Array(String(repeating: unit, count: count / unit.utf8.count + 1).utf8)
  }

  /// Controls but for the line's end, and whatever reorders or hides text.
  static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control: scalar != "\n"
    case .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: true
    default: false
    }
  }

  /// What is harmful in a text, for a message.
  static func harm(in text: some StringProtocol) -> [String] {
    text.unicodeScalars.filter(isHarmful).map { "U+" + String($0.value, radix: 16) }
  }
}

/// All that one agent tells, looked through for what is not its own.
struct Utterances {
  let agent: AgentProcess
  let lab: Lab

  /// Page, JSON, metrics, log and plan; hands back the status.
  @discardableResult func expectClean(
    _ cause: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> JSONValue {
    for words in [["status"], ["plan"]] {
      let result = try agent.run(words)
      for text in [result.stdout, result.stderr] {
        #expect(
          HostileText.harm(in: text).isEmpty, "\(cause), \(words): \(text.debugDescription)",
          sourceLocation: sourceLocation)
      }
    }
    try expectCleanTerminal(cause, sourceLocation)
    try expectCleanLog(cause, sourceLocation)
    let json = try agent.run(["status", "--json"]).stdout
    // JSON is for programs, which do not mind what only turns or hides text.
    let controls = json.dropLast().unicodeScalars.filter { $0.properties.generalCategory == .control }
    #expect(controls.isEmpty, "\(cause): \(json.debugDescription)", sourceLocation: sourceLocation)
    #expect(
      json.hasSuffix("}\n"), "\(cause)", sourceLocation: sourceLocation
    )
    let status = try JSONValue(parsing: json.utf8)
    // What was written is what was read: nothing of a name has become structure.
    #expect(try JSONValue(parsing: status.text.utf8) == status, sourceLocation: sourceLocation)
    let keys = Set((status.members ?? []).map(\.key))
    #expect(keys.isSuperset(of: ["version", "phase", "exits", "warnings"]) && keys.count < 24)
    return status
  }

  /// As on a terminal, where the agent's own colours are let through.
  private func expectCleanTerminal(_ cause: String, _ location: SourceLocation) throws {
    let command = agent.program.command(["status"]).arguments.joined(separator: " ")
    let page = try Command(["script", "-qec", command, "/dev/null"]).run().stdout
    #expect(page.contains("\u{1b}["), "no colours: \(page)", sourceLocation: location)
    let rest = page.replacing(/\u{1b}\[[0-9;]*m/, with: "").replacing("\r\n", with: "\n")
    #expect(
      HostileText.harm(in: rest).isEmpty, "\(cause): \(rest.debugDescription)", sourceLocation: location)
  }

  /// Each line is one entry of the agent's own.
  private func expectCleanLog(_ cause: String, _ location: SourceLocation) throws {
    for line in agent.log.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
      #expect(
        HostileText.harm(in: line).isEmpty, "\(cause): \(line.debugDescription)", sourceLocation: location)
      if line.hasPrefix("{") {
        let entry = try JSONValue(parsing: line.utf8)
        #expect(entry["time"] != nil && entry["level"] != nil && entry["message"] != nil)
      } else {
        #expect(
          line.wholeMatch(of: /\d{4}-\d\d-\d\dT[\d:.]+Z (debug|info|notice|warning|error) .*/) != nil,
          "\(cause): \(line.debugDescription)", sourceLocation: location)
      }
    }
  }

  /// The series of the metrics page, which promtool finds no fault in.
  func series(_ cause: String) throws -> Set<String> {
    let page = try lab.namespace(agent.node).execute(["curl", "-sf", "http://127.0.0.1:9479/metrics"])
      .output()
    let check = try Command(["promtool", "check", "metrics"], input: page).run()
    #expect(check.status == .exited(0) && check.stderr.isEmpty, "\(cause): \(check)")
    #expect(HostileText.harm(in: page).isEmpty, "\(cause)")
    let samples = page.split(separator: "\n").filter { !$0.hasPrefix("#") }
    return Set(samples.map { line in String(line[..<(line.lastIndex(of: " ") ?? line.endIndex)]) })
  }
}
