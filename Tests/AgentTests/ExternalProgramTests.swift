import Testing

@testable import Agent

@Suite("Other programs")
struct ExternalProgramTests {
  private func program(_ name: String) throws -> ExternalProgram {
    try #require(ExternalProgram(named: name))
  }

  private func failure(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "no failure"
  }

  @Test("give back what they print, with an environment and a standard input of their own")
  func output() throws {
    #expect(try program("echo").run(["a b", "$HOME"]) == "a b $HOME\n")
    #expect(try program("cat").run([]) == "")
    let environment = try program("env").run([])
    #expect(environment.split(separator: "\n").count == 3 && environment.hasPrefix("PATH=/usr/local/sbin:"))
    // More than a pipe holds.
    #expect(try program("head").run(["-c", "300000", "/dev/zero"]).utf8.count == 300_000)
  }

  @Test("are named with how they ended and what they said")
  func failing() throws {
    let shell = try program("sh")
    #expect(
      failure { _ = try shell.run(["-c", "echo one; echo two >&2; exit 7"]) }
        == "running \(shell.path) -c echo one; echo two >&2; exit 7: exit status 7: one; two")
    #expect(failure { _ = try shell.run(["-c", "kill -9 $$"]) }.hasSuffix("killed by signal 9: "))
    #expect(ExternalProgram(named: "no-such-program-of-anyones") == nil)
  }

  @Test("are killed when they take too long, whether they keep their output open or not")
  func deadline() throws {
    let shell = try program("sh")
    for script in ["echo begun; exec sleep 60", "exec >/dev/null 2>&1; exec sleep 60"] {
      let said = failure { _ = try shell.run(["-c", script], within: .milliseconds(200)) }
      #expect(said.contains("still running after 0.2 seconds, so it was killed"), "\(said)")
    }
  }
}
