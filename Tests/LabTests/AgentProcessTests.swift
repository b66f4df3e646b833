import Glibc
import Lab
import Testing

@Suite("A program run as the agent", .serialized)
struct AgentProcessTests {
  /// Keeps the agent's outer contract and does nothing.
  static let script = """
    #!/bin/sh
    case "$1" in
    run)
      trap 'echo ended >&2; exit 0' TERM
      echo "started in $STATE_DIRECTORY with $3" >&2
      while :; do sleep 0.02; done ;;
    status)
      echo asked >> "$STATE_DIRECTORY/asked"
      [ $(wc -l < "$STATE_DIRECTORY/asked") -gt 2 ] && phase=ready || phase=starting
      echo "{\\"phase\\": \\"$phase\\", \\"drift\\": {\\"repairedTotal\\": 3}}" ;;
    *) echo "args: $*"; exit 64 ;;
    esac
    """

  private func withAgent(_ body: (Lab, AgentProcess) throws -> Void) throws {
    let path = "/tmp/liteboxd-lab-script-\(getpid())"
    try Command(["tee", path], input: AgentProcessTests.script).output()
    try Command(["chmod", "0700", path]).output()
    defer { unlink(path) }
    let lab = try Lab(.init(agent: path))
    defer { lab.close() }
    try body(lab, try lab.startAgent(on: .gateway))
  }

  @Test("is started, asked and ended with its status and its log")
  func lifecycle() throws {
    try withAgent { lab, agent in
      let status = try agent.waitFor(phase: "ready", within: .seconds(5))
      #expect(status["phase"] == "ready" && status["drift"]?["repairedTotal"] == 3)
      #expect(throws: LabError.self) { try agent.waitFor(phase: "blocked", within: .milliseconds(50)) }
      #expect(try agent.run(["nosuch"]).status == .exited(64))
      let started = eventually(within: .seconds(5)) { agent.log.contains("started in") ? true : nil }
      #expect(started == true)
      #expect(try agent.terminateAndWait() == .exited(0))
      #expect(agent.log.contains("\(lab.directory)/agent-gateway/state") && agent.log.contains("ended"))
      #expect(!agent.isRunning)
    }
  }

  @Test("runs in its node's namespace under its own process number")
  func namespace() throws {
    try withAgent { lab, agent in
      let inside = try lab.namespace(.gateway).execute(["readlink", "/proc/self/ns/net"]).output()
      let same = eventually(within: .seconds(5)) { () -> Bool? in
        let found = try? Command(["readlink", "/proc/\(agent.pid)/ns/net"]).output()
        return found == inside ? true : nil
      }
      #expect(same == true)
    }
  }

  @Test("is frozen, killed although frozen, and started again with its state")
  func freezing() throws {
    try withAgent { lab, agent in
      agent.freeze()
      let frozen = eventually(within: .seconds(5)) { () -> Bool? in
        let state = try? Command(["cat", "/proc/\(agent.pid)/stat"]).output()
        return state?.contains(") T ") == true ? true : nil
      }
      #expect(frozen == true)
      agent.kill()
      #expect(!agent.isRunning)
      #expect(try lab.agentProgram(on: .cloudA).run(["nosuch"]).stdout.contains("args: nosuch --config"))
      let second = try lab.startAgent(
        on: .gateway, environment: ["NOTIFY_SOCKET": "/x"], wrapper: ["prlimit", "--nofile=99"])
      let limits = eventually(within: .seconds(5)) { () -> String? in
        let limits = try? Command(["cat", "/proc/\(second.pid)/limits"]).output()
        return limits?.contains(" 99 ") == true ? limits : nil
      }
      #expect(limits != nil)
      try second.waitFor(phase: "ready", within: .seconds(5))
    }
  }

  @Test("one that ends by itself is an error with its log")
  func early() throws {
    try withAgent { _, agent in
      agent.kill()
      #expect(throws: LabError.self) { try agent.waitFor(phase: "ready", within: .seconds(5)) }
    }
  }
}
