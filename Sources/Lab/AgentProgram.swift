import Glibc
import JSON

/// The agent's program on one node of the lab, with a configuration file of its own: for the commands that
/// need no daemon, and to start one.
public struct AgentProgram: Sendable {
  public let node: Node
  public let configurationPath: String
  /// Where systemd's StateDirectory= and RuntimeDirectory= would be.
  public let stateDirectory: String
  public let runtimeDirectory: String
  /// The status socket that the lab's own configuration names.
  public let socket: String
  let logPath: String
  let namespace: NetworkNamespace
  let program: String

  init(_ node: Node, in lab: Lab) throws {
    self.node = node
    program = try lab.options.agent ?? Lab.program("liteboxd-agent", environment: "LITEBOXD_AGENT")
    namespace = try lab.namespace(node)
    let directory = "\(lab.directory)/agent-\(node)"
    stateDirectory = "\(directory)/state"
    runtimeDirectory = "\(directory)/run"
    for path in [directory, stateDirectory, runtimeDirectory] where access(path, F_OK) != 0 {
      try makeDirectory(path)
    }
    configurationPath = "\(directory)/agent.yaml"
    logPath = "\(directory)/log"
    socket = "\(runtimeDirectory)/agent.sock"
  }

  /// What systemd would set.
  var environment: [String: String] {
    ["STATE_DIRECTORY": stateDirectory, "RUNTIME_DIRECTORY": runtimeDirectory]
  }

  /// The program with its configuration, in the node's namespace; `wrapper` goes before it and has to become it.
  public func command(_ arguments: [String], wrapper: [String] = []) -> Command {
    namespace.execute(wrapper + [program] + arguments + ["--config", configurationPath])
  }

  /// Runs a command of the agent's to its end, in the node's namespace.
  public func run(
    _ arguments: [String], limit: Duration = .seconds(20), environment extra: [String: String] = [:]
  ) throws -> Command.Result {
    var command = command(arguments)
    command.limit = limit
    return try command.run(environment: environment.merging(extra) { $1 })
  }

  /// `status --json`; nil while no daemon answers.
  public func status() throws -> JSONValue? {
    try statusAnswer(run(["status", "--json"]), of: node)
  }

  /// Replaces the configuration's file by rename, as an editor does.
  public func rewrite(configuration: String) throws { _ = try rename(configuration: configuration) }

  /// The same; just before the new one took the old one's place.
  func rename(configuration: String) throws -> Moment {
    try writeFile("\(configurationPath).new", configuration, creating: .mode(0o600))
    let start = Moment.now
    guard Glibc.rename("\(configurationPath).new", configurationPath) == 0 else {
      throw LabError("replacing \(configurationPath)", errno: errno)
    }
    return start
  }
}

extension Lab {
  /// The agent's program on that node, its configuration written: the lab's own unless one is given.
  public func agentProgram(on node: Node, configuration: String? = nil) throws -> AgentProgram {
    let program = try AgentProgram(node, in: self)
    try program.rewrite(configuration: configuration ?? self.configuration(for: node))
    return program
  }

  /// Starts the agent on a node; nil as configuration means the lab's own for that node. It is ended with the
  /// lab at the latest. A second start on the same node finds the first one's state. `wrapper` goes before the
  /// program and has to become it: `prlimit --nofile=32`, say.
  @discardableResult public func startAgent(
    on node: Node, configuration: String? = nil, environment: [String: String] = [:], wrapper: [String] = []
  ) throws -> AgentProcess {
    let program = try agentProgram(on: node, configuration: configuration)
    let agent = try AgentProcess(program, environment: environment, wrapper: wrapper)
    keep(agent)
    return agent
  }

  /// Starts a command of the agent's, in the node's namespace and with the configuration that is there, which waits
  /// for a `NetlinkTrace` before it does anything. Ended with the lab at the latest.
  public func startStopped(_ arguments: [String], on node: Node) throws -> AgentProcess {
    let agent = try AgentProcess(AgentProgram(node, in: self), arguments, wrapper: NetlinkTrace.stopped)
    keep(agent)
    return agent
  }

  /// Kills the agent and starts it again, with the configuration that it had; waits until its traffic flows. Nothing
  /// is left of what it had learnt of the exits.
  public func restart(
    _ agent: AgentProcess, environment: [String: String] = [:]
  ) throws -> AgentProcess {
    let configuration = try readFile(agent.program.configurationPath)
    agent.kill()
    let next = try startAgent(on: agent.node, configuration: configuration, environment: environment)
    try next.waitForStatus("traffic", within: .seconds(10)) { $0["tunnelUp"]?.bool == true }
    return next
  }
}
