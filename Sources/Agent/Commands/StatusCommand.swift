import EventLoop
import Glibc
import JSON
import Report

extension Tool {
  /// liteboxd-agent status
  func status() -> Int32 {
    asking {
      guard invocation.flags.contains("--watch") else { return try showStatus() }
      guard !invocation.flags.contains("--json") else {
        Tool.complain("status: --watch and --json do not go together; see liteboxd-agent help status")
        return ExitStatus.usage
      }
      guard Terminal.canBeDrawnUpon else {
        Tool.complain(
          "status: --watch draws upon a terminal, and this is none that can be; use --json or events --follow"
        )
        return ExitStatus.usage
      }
      return try watchStatus()
    }
  }

  private func showStatus() throws -> Int32 {
    let json = try ask(.get, "/status")
    let status = try AgentStatus(json: json)
    print(invocation.flags.contains("--json") ? json.text + "\n" : page(status), to: 1)
    return status.phase.exitStatus
  }

  private func page(_ status: AgentStatus) -> String {
    StatusPage.render(status, now: wallClock(), width: Terminal.columns, style: Terminal.style)
  }

  /// Until the terminal or a signal ends it. A daemon that is gone is waited for; only the first question has to be
  /// answered.
  private func watchStatus() throws -> Int32 {
    var last = try askForStatus()
    var (heard, problem) = (MonotonicTime.now, String?.none)
    let screen = WatchScreen()
    defer { screen.close() }
    while true {
      screen.show(
        problem.map { silence($0, since: heard, last) } ?? page(last), rows: Terminal.rows)
      switch screen.wait(.seconds(1)) {
      case .due, .resized: break
      case .ended(let signal): return 128 + signal
      }
      do {
        last = try askForStatus()
        (heard, problem) = (.now, nil)
      } catch { problem = "\(error)" }
    }
  }

  /// A daemon that hangs must not keep a key press waiting for long.
  private func askForStatus() throws -> AgentStatus {
    try AgentStatus(json: ask(.get, "/status", timeout: .seconds(2)))
  }

  private func silence(_ problem: String, since heard: MonotonicTime, _ last: AgentStatus) -> String {
    let seconds = (MonotonicTime.now - heard).components.seconds
    return StatusPage.render(
      .init(problem: problem, seconds: seconds, lastPhase: last.phase), width: Terminal.columns,
      style: Terminal.style)
  }
}
