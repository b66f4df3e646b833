import CTrace
import Glibc
import Synchronization

/// Watches an agent's system calls from outside (ptrace(2)) and kills it at a netlink message of its own, so that no
/// build of the agent has to help. While it is watched nobody else may wait for the process, `waitForStatus` among
/// them: its stops would be taken for its end. Its status can be asked for by its program.
public final class NetlinkTrace: Sendable {
  private let ended = StopFlag()
  private let seized = StopFlag()
  private let count = Atomic<Int>(0)
  private let thread = Guarded<WorkerThread?>(nil)

  /// What a process does first that waits for its tracer: `startAgent`'s wrapper.
  public static let stopped = ["sh", "-c", "kill -STOP $$; exec \"$@\"", "sh"]

  /// Watches from now on. SIGKILL comes when the `fatal`th message that asks for a change has been sent, which is
  /// when the kernel has done what it says, and before the process has seen the answer. `each` is called after every
  /// message while the process stands still.
  public init(
    _ agent: AgentProcess, killingAfter fatal: Int, each: @escaping @Sendable (Int) throws -> Void = { _ in }
  ) throws {
    let worker = try WorkerThread(in: nil) { [self] in
      defer { ended.raise() }
      defer { seized.raise() }
      guard ctrace_seize(agent.pid) == 0 else { throw LabError("tracing process \(agent.pid)", errno: errno) }
      agent.signal(SIGCONT)
      seized.raise()
      // Whatever goes wrong, the process may not stay stopped.
      defer { agent.signal(SIGKILL) }
      try follow(agent.pid, fatal, each)
    }
    thread.withLock { $0 = worker }
    _ = eventually(within: .seconds(5), step: .milliseconds(1)) { seized.isRaised ? true : nil }
  }

  private func follow(_ pid: pid_t, _ fatal: Int, _ each: (Int) throws -> Void) throws {
    var isSending = false
    while true {
      var signal: Int32 = 0
      switch ctrace_wait(pid, &signal) {
      case CTRACE_ENDED: return
      case CTRACE_CHANGE: isSending = true
      case CTRACE_RETURNED where isSending:
        isSending = false
        let number = count.add(1, ordering: .relaxed).newValue
        try each(number)
        if number == fatal { return }
      default: break
      }
      // It may have been killed meanwhile; the next wait sees that.
      _ = ctrace_resume(pid, signal)
    }
  }

  /// Messages that asked for a change so far.
  public var messages: Int { count.load(ordering: .relaxed) }
  /// The process has ended, or is about to by SIGKILL.
  public var isOver: Bool { ended.isRaised }

  /// Kills the process, if it still runs, and waits until it is gone. Passes on what went wrong while it was watched.
  public func end(_ agent: AgentProcess) throws {
    agent.signal(SIGKILL)
    try thread.withLock { $0 }?.join()
    agent.kill()
  }
}
