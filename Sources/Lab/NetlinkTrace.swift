import CTrace
import Glibc

/// Sees all that an agent and the kernel tell each other, while the agent stands still, and may change it. Called on
/// the tracing thread alone.
public protocol NetlinkMiddleman: AnyObject, Sendable {
  /// Before the kernel gets it.
  func down(_ datagram: inout NetlinkDatagram, _ request: KernelRequest) throws
  /// The kernel has done what it says; the agent does not know yet.
  func done(_ request: KernelRequest) throws -> NetlinkVerdict
  /// Before the agent gets it.
  func up(_ datagram: inout NetlinkDatagram) throws -> NetlinkVerdict
}

extension NetlinkMiddleman {
  public func down(_ datagram: inout NetlinkDatagram, _ request: KernelRequest) throws {}
  public func done(_ request: KernelRequest) throws -> NetlinkVerdict { .goOn }
  public func up(_ datagram: inout NetlinkDatagram) throws -> NetlinkVerdict { .goOn }
}

public enum NetlinkVerdict: Sendable {
  case goOn
  /// SIGKILL, before it does anything else.
  case kill
  /// The system call fails with that errno, and what it received is lost.
  case fail(Int32)
}

/// Watches an agent's system calls from outside (ptrace(2)) and lets a middleman at its netlink messages, so that no
/// build of the agent has to help. While it is watched nobody else may wait for the process, `waitForStatus` among
/// them: its stops would be taken for its end. Its status can be asked for by its program.
public final class NetlinkTrace: Sendable {
  private let ended = StopFlag()
  private let seized = StopFlag()
  private let journal = Guarded<[KernelRequest]>([])
  private let thread = Guarded<WorkerThread?>(nil)

  /// What a process does first that waits for its tracer: `startAgent`'s wrapper.
  public static let stopped = ["sh", "-c", "kill -STOP $$; exec \"$@\"", "sh"]

  /// Watches from now on.
  public init(_ agent: AgentProcess, through middleman: any NetlinkMiddleman) throws {
    let worker = try WorkerThread(in: nil) { [self] in
      defer { ended.raise() }
      defer { seized.raise() }
      var trace = ctrace()
      guard ctrace_seize(&trace, agent.pid) == 0 else {
        throw LabError("tracing process \(agent.pid)", errno: errno)
      }
      agent.signal(SIGCONT)
      seized.raise()
      // Whatever goes wrong, the process may not stay stopped.
      defer { agent.signal(SIGKILL) }
      try follow(&trace, middleman)
    }
    thread.withLock { $0 = worker }
    _ = eventually(within: .seconds(5), step: .milliseconds(1)) { seized.isRaised ? true : nil }
  }

  private func follow(_ trace: inout ctrace, _ middleman: any NetlinkMiddleman) throws {
    var sent: KernelRequest?
    while true {
      var signal: Int32 = 0
      let stop = ctrace_wait(&trace, &signal)
      var verdict = NetlinkVerdict.goOn
      switch stop {
      case CTRACE_ENDED: return
      case CTRACE_SENDING: sent = try passDown(trace, middleman)
      case CTRACE_SENT:
        if let sent { verdict = try middleman.done(sent) }
        sent = nil
      case CTRACE_RECEIVED: verdict = try passUp(trace, middleman)
      default: break
      }
      switch verdict {
      case .goOn: break
      case .kill: return
      case .fail(let number):
        guard ctrace_fail(&trace, number) == 0 else { throw LabError("failing a call", errno: errno) }
      }
      // It may have been killed meanwhile; the next wait sees that.
      _ = ctrace_resume(&trace, signal)
    }
  }

  private func passDown(_ trace: ctrace, _ middleman: any NetlinkMiddleman) throws -> KernelRequest? {
    guard var datagram = read(trace), let request = KernelRequest(datagram) else { return nil }
    let before = datagram.octets
    journal.withLock { $0.append(request) }
    try middleman.down(&datagram, request)
    if datagram.octets != before { try write(datagram, trace) }
    return request
  }

  private func passUp(_ trace: ctrace, _ middleman: any NetlinkMiddleman) throws -> NetlinkVerdict {
    guard var datagram = read(trace) else { return .goOn }
    let before = datagram.octets
    let verdict = try middleman.up(&datagram)
    if datagram.octets != before { try write(datagram, trace) }
    return verdict
  }

  /// nil for another kind of netlink, or when the process is gone.
  private func read(_ trace: ctrace) -> NetlinkDatagram? {
    guard let bus = NetlinkDatagram.Bus(rawValue: trace.protocol) else { return nil }
    var octets = [UInt8](repeating: 0, count: trace.length)
    let isRead = octets.withUnsafeMutableBytes { buffer in
      withUnsafePointer(to: trace) { ctrace_read($0, buffer.baseAddress) }
    }
    return isRead == 0 ? NetlinkDatagram(bus: bus, descriptor: trace.descriptor, octets: octets) : nil
  }

  private func write(_ datagram: NetlinkDatagram, _ trace: ctrace) throws {
    let isWritten = datagram.octets.withUnsafeBytes { buffer in
      withUnsafePointer(to: trace) { ctrace_write($0, buffer.baseAddress) }
    }
    guard isWritten == 0 else { throw LabError("changing a netlink message", errno: errno) }
  }

  /// All that was asked so far, in order.
  public var requests: [KernelRequest] { journal.withLock { $0 } }
  /// How often a change was asked for so far.
  public var changes: Int { requests.count { $0.purpose == .change } }
  /// The process has ended, or is about to by SIGKILL.
  public var isOver: Bool { ended.isRaised }

  /// Kills the process, if it still runs, and waits until it is gone. Passes on what went wrong while it was watched.
  public func end(_ agent: AgentProcess) throws {
    agent.signal(SIGKILL)
    try thread.withLock { $0 }?.join()
    agent.kill()
  }
}
