import Doctor
import EventLoop
import Glibc
import Report

/// Asks the daemon, if there is one.
struct DaemonSurvey {
  private let tool: Tool
  init(_ tool: Tool) { self.tool = tool }

  func run() -> Reading<DaemonReading> {
    do {
      return .known(.answers(try AgentStatus(json: tool.ask(.get, "/status", timeout: .seconds(2)))))
    } catch let error as LocalHTTPError {
      switch error {
      case .noDaemon: return absent
      case .permissionDenied: return .unknown("needs root, or the socket's group: \(error)")
      case .timedOut, .tooLarge, .malformed, .system: return .known(.silent(problem: "\(error)"))
      }
    } catch {
      return .known(.silent(problem: "\(error)"))
    }
  }

  /// Nobody is at the socket; somebody may be at another. Without the directory nobody is, and it is not made here.
  private var absent: Reading<DaemonReading> {
    if access(runtimeDirectory, F_OK) == 0, let holder = try? InstanceLock.holder() {
      return .known(.silent(problem: "process \(holder) runs and is not at \(tool.socketPath); see --socket"))
    }
    return .known(.absent(socket: tool.socketPath))
  }
}
