import Glibc
import JSON

/// The real agent, running in a namespace of the lab.
public final class AgentProcess: Sendable {
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
  public var isRunning: Bool { process.poll() == nil }
  /// All that it and its predecessors on this node have written so far, standard output and error.
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

  /// Runs the same program with another command, in the same namespace, with the same configuration.
  public func run(_ arguments: [String], limit: Duration = .seconds(20)) throws -> Command.Result {
    try program.run(arguments, limit: limit)
  }

  /// `status --json`; nil while no daemon answers.
  public func status() throws -> JSONValue? { try program.status() }

  /// Asks every 20 ms until the status passes `test`, and hands it back.
  @discardableResult public func waitForStatus(
    _ wanted: String, within limit: Duration, _ test: (JSONValue) throws -> Bool
  ) throws -> JSONValue {
    var last: JSONValue?
    let found = try eventually(within: limit, step: .milliseconds(20)) { () -> JSONValue? in
      if let ended = process.poll() {
        throw LabError("waiting for \(wanted) on \(node)", "the agent ended with \(ended):\n\(log)")
      }
      last = try status()
      if let last, try test(last) { return last }
      // Spelled out: a bare nil may also be read as JSON's null.
      return Optional.none
    }
    if let found { return found }
    let shown = last?.text ?? "no answer"
    throw LabError("waiting for \(wanted) on \(node)", "not after \(limit); status: \(shown)\nlog:\n\(log)")
  }

  /// Waits for a phase: `ready`, `degraded`, `blocked` or `starting`.
  @discardableResult public func waitFor(phase: String, within limit: Duration) throws -> JSONValue {
    try waitForStatus("phase \(phase)", within: limit) { $0["phase"]?.string == phase }
  }

  func end() { process.end() }
}
