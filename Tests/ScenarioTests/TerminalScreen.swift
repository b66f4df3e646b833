import Foundation
import Lab

/// A shell in a real terminal (tmux), with the agent's command of one node as `agent`.
final class TerminalScreen {
  struct Size: Hashable, Sendable {
    let columns: Int
    let rows: Int
  }

  /// What of the screen is asked for.
  enum Content {
    /// Line by line, as a person sees it.
    case lines
    /// Lines that the terminal wrapped as the one that they are.
    case unwrapped
    /// With colours as the sequences that make them.
    case coloured
  }

  private static let names = NumberedNames()
  private let name = names.next("screen")
  private let directory: String

  /// - Parameter environment: of the shell, beside what a login sets.
  init(of agent: AgentProgram, in lab: Lab, _ size: Size, environment: [String: String] = [:]) throws {
    directory = lab.directory
    let words = agent.command(["ARGUMENTS"]).arguments.map { $0 == "ARGUMENTS" ? "\"$@\"" : "'\($0)'" }
    let bin = "\(directory)/bin-\(agent.node)"
    try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
    try "#!/bin/sh\nexec \(words.joined(separator: " "))\n".write(
      toFile: "\(bin)/agent", atomically: true, encoding: .utf8)
    try Command(["chmod", "755", "\(bin)/agent"]).output()
    let variables = [
      "PATH": "\(bin):/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "TERM": "screen", "PS1": "$ ",
    ].merging(environment) { $1 }
    try tmux(
      [
        "-u", "-f", "/dev/null", "new-session", "-d", "-x", "\(size.columns)", "-y", "\(size.rows)", "env",
        "-i",
      ]
        + variables.map { "\($0)=\($1)" } + ["sh"])
    try tmux(["set-option", "-g", "window-size", "manual"])
    try tmux(["set-option", "-g", "status", "off"])
    try resize(size)
    // The space behind it is cut off with the rest of the empty line.
    try wait("the prompt") { $0.hasPrefix("$") }
  }

  deinit { _ = try? tmux(["kill-server"]) }

  @discardableResult private func tmux(_ words: [String]) throws -> String {
    try Command(["env", "TMUX_TMPDIR=\(directory)", "tmux", "-L", name] + words).output()
  }

  /// Types a line, Return included.
  func type(_ line: String) throws { try tmux(["send-keys", "-l", line + "\r"]) }

  /// One key in tmux's words: `C-c`.
  func press(_ key: String) throws { try tmux(["send-keys", key]) }

  func resize(_ size: Size) throws {
    try tmux(["resize-window", "-x", "\(size.columns)", "-y", "\(size.rows)"])
  }

  func capture(_ content: Content = .lines) throws -> String {
    let options: [String] =
      switch content {
      case .lines: []
      case .unwrapped: ["-J"]
      case .coloured: ["-e"]
      }
    return try tmux(["capture-pane", "-p"] + options)
  }

  /// One of tmux's variables of the pane: `alternate_on`, `cursor_flag`.
  func variable(_ name: String) throws -> String {
    try tmux(["display-message", "-p", "#{\(name)}"]).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// All that the programs write from now on goes to that file too, as it is.
  func record(to file: String) throws { try tmux(["pipe-pane", "cat >> '\(file)'"]) }

  /// Waits until the screen passes, and hands it back.
  @discardableResult func wait(
    _ what: String, within limit: Duration = .seconds(10), until test: (String) -> Bool
  ) throws -> String {
    var last = ""
    let found = try eventually(within: limit, step: .milliseconds(20)) { () -> String? in
      last = try capture()
      return test(last) ? last : nil
    }
    guard let found else { throw ScreenError(description: "waiting for \(what), the screen shows:\n\(last)") }
    return found
  }

  /// What a command left on the screen.
  struct Outcome {
    /// As a person sees it.
    let lines: [String]
    /// Lines that the terminal wrapped as the one that they are.
    let unwrapped: [String]
    /// Colours as the sequences that make them.
    let coloured: String
    let status: Int
  }

  /// Runs a command to its end; what it wrote must have room on the screen.
  func run(_ command: String) throws -> Outcome {
    try type("\(command); echo \"exit=$?\"")
    let ending = /(?m)^exit=(\d+)/
    let screen = try wait(command) { $0.firstMatch(of: ending) != nil }
    return Outcome(
      lines: output(screen), unwrapped: output(try capture(.unwrapped)),
      coloured: output(try capture(.coloured)).joined(separator: "\n"),
      status: screen.firstMatch(of: ending).flatMap { Int($0.1) } ?? -1)
  }

  /// What stands between the typed line and the exit status.
  private func output(_ screen: String) -> [String] {
    let lines = screen.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let start = lines.lastIndex { $0.contains("echo \"exit=") } ?? -1
    let rest = lines[(start + 1)...]
    return Array(rest[..<(rest.firstIndex { $0.hasPrefix("exit=") } ?? rest.endIndex)])
  }
}

struct ScreenError: Error, CustomStringConvertible {
  let description: String
}

/// Names that nobody else in this process has.
private final class NumberedNames: Sendable {
  func next(_ what: String) -> String { "\(what)-\(UUID().uuidString.prefix(8))" }
}
