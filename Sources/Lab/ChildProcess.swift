import CLinux
import Glibc

/// How a process ended (wait(2)).
public enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
  case exited(Int32)
  case signalled(Int32)

  init(waitStatus: Int32) {
    let signal = waitStatus & 0x7f
    self = signal == 0 ? .exited((waitStatus >> 8) & 0xff) : .signalled(signal)
  }

  public var description: String {
    switch self {
    case .exited(let code): "exit status \(code)"
    case .signalled(let number): "killed by signal \(number)"
    }
  }
}

/// A process that this lab started. It is reaped here and nowhere else, so that a signal never reaches a
/// stranger who got the same number.
final class ChildProcess: Sendable {
  let pid: pid_t
  let command: String
  private let status = Guarded<ExitStatus?>(nil)

  /// What the child gets as its standard streams: open descriptors, which stay the caller's.
  struct Streams {
    var input: Int32
    var output: Int32
    var error: Int32
  }

  /// Which processes die of a key press in the terminal: `own` keeps the child out of it.
  enum ProcessGroup { case shared, own }

  /// Starts `arguments[0]` from PATH in the namespaces of the calling thread, with a small environment of
  /// its own plus `environment`. No other descriptor is handed on.
  init(
    _ arguments: [String], environment: [String: String] = [:], streams: Streams, group: ProcessGroup
  ) throws(LabError) {
    command = arguments.joined(separator: " ")
    pid = try ChildProcess.spawn(arguments, ChildProcess.environment(adding: environment), streams, group)
  }

  private static func spawn(
    _ arguments: [String], _ environment: [String], _ streams: Streams, _ group: ProcessGroup
  ) throws(LabError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, descriptor) in [streams.input, streams.output, streams.error].enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
    }
    clinux_spawn_close_from(&actions, 3)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    settle(&attributes, group)
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
    defer { for text in argv + envp { free(text) } }
    var pid: pid_t = 0
    let code = posix_spawnp(&pid, arguments[0], &actions, &attributes, &argv, &envp)
    guard code == 0 else { throw LabError("starting \(arguments.joined(separator: " "))", errno: code) }
    return pid
  }

  /// Every signal unblocked and at its default, whatever the calling thread has made of them.
  private static func settle(_ attributes: inout posix_spawnattr_t, _ group: ProcessGroup) {
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (group == .own ? POSIX_SPAWN_SETPGROUP : 0)
    posix_spawnattr_setflags(&attributes, Int16(flags))
  }

  /// Commands speak English and are found where root's are; what sanitizers and coverage need passes through.
  private static func environment(adding extra: [String: String]) -> [String] {
    var variables = [
      "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
    ]
    for name in ["HOME", "LLVM_PROFILE_FILE", "ASAN_OPTIONS", "TSAN_OPTIONS", "SWIFT_BACKTRACE"] {
      if let value = getenv(name) { variables[name] = String(cString: value) }
    }
    return variables.merging(extra) { $1 }.map { "\($0)=\($1)" }
  }

  /// How it ended, or nil while it runs. Reaps.
  func poll() -> ExitStatus? {
    status.withLock { status in
      if status == nil {
        var raw: Int32 = 0
        if hasEnded, waitpid(pid, &raw, WNOHANG) == pid { status = ExitStatus(waitStatus: raw) }
      }
      return status
    }
  }

  /// Only looks: a stop of a process that is traced is its tracer's to take (ptrace(2)).
  private var hasEnded: Bool {
    var info = siginfo_t()
    let looked = waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT)
    return looked == 0 && [Int32(CLD_EXITED), Int32(CLD_KILLED), Int32(CLD_DUMPED)].contains(info.si_code)
  }

  func signal(_ number: Int32) {
    // Under the lock, so that nobody reaps between the look and the signal.
    status.withLock { status in if status == nil { kill(pid, number) } }
  }

  func wait(within limit: Duration) throws(LabError) -> ExitStatus {
    guard let status = eventually(within: limit, step: .milliseconds(1), poll) else {
      throw LabError("waiting for process \(pid) (\(command))", "still running after \(limit)")
    }
    return status
  }

  /// SIGTERM, so that it can end what it started itself; SIGKILL when that takes longer.
  func terminate(within limit: Duration = .seconds(10)) {
    signal(SIGTERM)
    _ = eventually(within: limit, step: .milliseconds(1), poll)
    end()
  }

  /// SIGKILL, also to a stopped process, and reaped.
  func end() {
    signal(SIGKILL)
    _ = eventually(within: .seconds(5), step: .milliseconds(1), poll)
  }
}
