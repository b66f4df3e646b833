import Foundation
import Testing

@Suite("The manual")
struct ManualTests {
  @Test("names the commands that the program's help names, in its order")
  func commands() throws {
    let help = try run(releaseBinary.path, "--help").output
    // "  exit use   pins the traffic …"
    let told = help.split(separator: "\n").filter { $0.hasPrefix("      ") || $0.hasPrefix("  ") }
      .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.hasPrefix("-") }
      .map { $0.components(separatedBy: "  ")[0] }
    let manual = try text(of: "docs/liteboxd-agent.8")
    let section = manual.components(separatedBy: ".Sh ").first { $0.hasPrefix("COMMANDS") } ?? ""
    let described = section.split(separator: "\n").filter { $0.hasPrefix(".It Cm ") }.map { line in
      line.dropFirst(".It Cm ".count).split(separator: " ").prefix { $0.first?.isLowercase == true }
        .joined(separator: " ")
    }
    #expect(told.count > 8 && described == told)
  }

  @Test("names every option of each command")
  func options() throws {
    let manual = try text(of: "docs/liteboxd-agent.8").replacing("Fl Fl ", with: "--")
    for command in ["teardown", "status", "events", "doctor", "reload", "exit", "render", "adopt", "plan"] {
      let usage = try run(releaseBinary.path, "help", command).output.split(separator: "\n")
        .filter { $0.contains("liteboxd-agent \(command)") }.joined(separator: " ")
      for option in usage.split(whereSeparator: { " []|".contains($0) }) where option.hasPrefix("--") {
        #expect(manual.contains(option), "\(command) \(option)")
      }
    }
  }

  @Test("is typeset without a warning")
  func typesetting() throws {
    let found = try run(
      "sh", "-c", "LC_ALL=C.UTF-8 man --warnings --local-file docs/liteboxd-agent.8 2>&1 >/dev/null")
    #expect(found.output == "")
  }
}
