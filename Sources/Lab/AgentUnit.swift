/// The agent as its units start it, in a container: the shipped files at their places.
public struct AgentUnit: RunningAgent {
  public let container: Container
  public static let names = ["liteboxd-agent-guard.service", "liteboxd-agent.service"]
  static let program = "/usr/bin/liteboxd-agent"

  public init(in container: Container) { self.container = container }

  public var node: Node { container.node }
  public var log: String {
    let units = Self.names.map { "--unit=\($0)" }
    return (try? container.execute(["journalctl", "--no-pager", "--output=cat"] + units).run().stdout) ?? ""
  }
  /// systemd starts it again for ever.
  public var ending: String? { container.isRunning ? nil : "its machine" }

  public func run(_ arguments: [String], limit: Duration) throws -> Command.Result {
    try container.execute([Self.program] + arguments, limit: limit).run()
  }

  /// Reads the process's number within the container; 0 while there is none.
  public func mainPID() throws -> Int {
    let answer = try container.run("systemctl show --property=MainPID --value liteboxd-agent.service")
    return Int(answer.filter { $0 != "\n" }) ?? 0
  }
}

extension Container.Setup {
  /// With the node's ZeroTier, and no agent.
  public static func host(of node: Node, in lab: Lab) throws -> Container.Setup {
    var setup = Container.Setup()
    setup.directories = [try lab.zeroTier(node).stateDirectory: AgentPlaces.zeroTierHome]
    return setup
  }

  /// With the agent for that node as it is installed, starting at boot.
  ///
  /// - Parameters:
  ///   - units: the directory of the units to ship, and of the user that they run as.
  ///   - adjusting: makes the configuration of the lab's own for that node.
  public static func agent(
    on node: Node, in lab: Lab, units: String, adjusting: (String) -> String = { $0 }
  ) throws -> Container.Setup {
    var setup = try host(of: node, in: lab)
    let program = try lab.options.agent ?? Lab.program("liteboxd-agent", environment: "LITEBOXD_AGENT")
    let users = "/usr/lib/sysusers.d/liteboxd.conf"
    setup.files = [
      ContainerFile(AgentUnit.program, copying: program, mode: 0o755),
      ContainerFile(users, copying: "\(units)/sysusers.d-liteboxd.conf"),
      ContainerFile(
        AgentPlaces.configuration, adjusting(lab.installedConfiguration(for: node)), mode: 0o600),
    ]
    setup.files += AgentUnit.names.map {
      ContainerFile("/usr/lib/systemd/system/\($0)", copying: "\(units)/\($0)")
    }
    setup.preparations = [["systemd-sysusers", users]]
    setup.enabled = AgentUnit.names
    return setup
  }
}
