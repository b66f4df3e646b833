import Glibc
import JSON
import Synchronization

/// The real agent, running in a namespace of the lab.
public final class AgentProcess: Sendable {
  public let node: Node
  public let configurationPath: String
  private let program: String
  private let namespace: NetworkNamespace
  private let environment: [String: String]
  private let logPath: String
  private let process: ChildProcess

  init(_ node: Node, configuration: String, in lab: Lab, program: String) throws {
    self.node = node
    self.program = program
    namespace = try lab.namespace(node)
    let files = try AgentFiles(node, in: lab)
    configurationPath = files.configuration
    environment = files.environment
    logPath = files.log
    try writeFile(files.configuration, configuration, creating: .mode(0o600))
    process = try AgentProcess.start(
      namespace.execute([program, "run", "--config", files.configuration]).arguments, environment, files.log)
  }

  private static func start(
    _ arguments: [String], _ environment: [String: String], _ logPath: String
  ) throws(LabError) -> ChildProcess {
    let nothing = Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC))
    let log = Descriptor(open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600))
    guard nothing.number >= 0, log.number >= 0 else { throw LabError("opening \(logPath)", errno: errno) }
    let streams = ChildProcess.Streams(input: nothing.number, output: log.number, error: log.number)
    return try ChildProcess(arguments, environment: environment, streams: streams, group: .own)
  }

  /// The agent's own process number: `ip netns exec` became it.
  public var pid: pid_t { process.pid }
  public var isRunning: Bool { process.poll() == nil }
  /// All that it has written so far, standard output and error.
  public var log: String { (try? readFile(logPath)) ?? "" }

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
    var command = namespace.execute([program] + arguments + ["--config", configurationPath])
    command.limit = limit
    return try command.run(environment: environment)
  }

  /// `status --json`; nil while no daemon answers.
  public func status() throws -> JSONValue? {
    let result = try run(["status", "--json"])
    guard result.status != .exited(3) else { return nil }
    do { return try JSONValue(parsing: result.stdout.utf8) } catch {
      throw LabError("reading status --json of \(node)", "\(error): \(result.stdout)\(result.stderr)")
    }
  }

  /// Asks every 20 ms until the status passes `test`, and hands it back.
  @discardableResult public func waitForStatus(
    _ wanted: String, within limit: Duration, _ test: (JSONValue) throws -> Bool
  ) throws -> JSONValue {
    var last: JSONValue?
    let found = try eventually(within: limit, step: .milliseconds(20)) { () -> JSONValue? in
      guard isRunning else { throw LabError("waiting for \(wanted) on \(node)", "the agent ended:\n\(log)") }
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

  /// Replaces the configuration's file by rename, as an editor does.
  public func rewrite(configuration: String) throws {
    try writeFile("\(configurationPath).new", configuration, creating: .mode(0o600))
    guard rename("\(configurationPath).new", configurationPath) == 0 else {
      throw LabError("replacing \(configurationPath)", errno: errno)
    }
  }

  func end() { process.end() }
}

/// Where an agent of the lab keeps its things.
struct AgentFiles {
  let configuration: String
  let log: String
  let socket: String
  private let directory: String

  init(_ node: Node, in lab: Lab) throws(LabError) {
    directory = "\(lab.directory)/agent-\(node)"
    for path in [directory, "\(directory)/state", "\(directory)/run"] where access(path, F_OK) != 0 {
      try makeDirectory(path)
    }
    configuration = "\(directory)/agent.yaml"
    log = "\(directory)/log"
    socket = "\(directory)/run/agent.sock"
  }

  /// What systemd would set.
  var environment: [String: String] {
    ["STATE_DIRECTORY": "\(directory)/state", "RUNTIME_DIRECTORY": "\(directory)/run"]
  }
}
