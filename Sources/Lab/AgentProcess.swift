import Glibc

/// The real agent, running in a namespace of the lab.
public final class AgentProcess: RunningAgent {
  public let program: AgentProgram
  private let process: ChildProcess

  init(
    _ program: AgentProgram, _ arguments: [String] = ["run"], environment: [String: String] = [:],
    wrapper: [String]
  ) throws {
    self.program = program
    let nothing = Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC))
    let log = Descriptor(open(program.logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600))
    guard nothing.number >= 0, log.number >= 0 else {
      throw LabError("opening \(program.logPath)", errno: errno)
    }
    process = try ChildProcess(
      program.command(arguments, wrapper: wrapper).arguments,
      environment: program.environment.merging(environment) { $1 },
      streams: .init(input: nothing.number, output: log.number, error: log.number), group: .own)
  }

  public var node: Node { program.node }
  /// The agent's own process number: `ip netns exec` became it.
  public var pid: pid_t { process.pid }
  public var ending: String? { process.poll()?.description }
  public var isRunning: Bool { process.poll() == nil }
  /// Standard output and error.
  public var log: String { (try? readFile(program.logPath)) ?? "" }

  public func signal(_ number: Int32) { process.signal(number) }
  /// SIGSTOP: frozen, its kernel state left to whatever happens.
  public func freeze() { signal(SIGSTOP) }
  /// SIGCONT
  public func thaw() { signal(SIGCONT) }
  /// SIGKILL, and waits until it is gone.
  public func kill() { process.end() }

  /// SIGTERM, and its exit status.
  public func terminateAndWait(within limit: Duration = .seconds(10)) throws -> ExitStatus {
    signal(SIGTERM)
    return try wait(within: limit)
  }

  public func wait(within limit: Duration) throws -> ExitStatus {
    do { return try process.wait(within: limit) } catch {
      throw LabError("\(error)", "its log:\n\(log)")
    }
  }

  public func run(_ arguments: [String], limit: Duration) throws -> Command.Result {
    try program.run(arguments, limit: limit)
  }

  func end() { process.end() }
}
