import Glibc
import Synchronization

/// Network namespaces in which the agent runs as it would on a gateway node and on cloud servers, with a
/// simulated ZeroTier between them, a sandbox, and an Internet that counts what should not have come there.
///
/// Every lab has names and a directory of its own, so that many run side by side. Needs root.
public final class Lab: Sendable {
  public struct Options: Sendable {
    public var clouds: CloudServers
    /// The agent to run; nil looks at the environment's LITEBOXD_AGENT, then next to the running program.
    public var agent: String?
    public init(clouds: CloudServers = .one, agent: String? = nil) {
      self.clouds = clouds
      self.agent = agent
    }
  }

  /// Begins the names of its namespaces: `lb`, this process's number, `x`, a counter.
  public let name: String
  /// Sockets, configurations and logs.
  public let directory: String
  public let options: Options
  private let namespaces: [Node: NetworkNamespace]
  private let state = Guarded(State())

  /// What has to be ended before the namespaces can go.
  private struct State {
    var closed = false
    var zeroTier: [Node: ZeroTierNode] = [:]
    var agents: [AgentProcess] = []
    var containers: [Container] = []
    var others: [ChildProcess] = []
    var threads: [(StopFlag, WorkerThread)] = []
  }

  private static let counter = Atomic<Int>(0)
  private static let everyOpen = Guarded<[String: WeakLab]>([:])
  private static let sweptOnce: Void = Leftovers.sweep()

  /// Builds everything and waits until the simulated ZeroTier is up on every node.
  public init(_ options: Options = Options()) throws {
    try Requirements.check()
    Lab.sweptOnce
    self.options = options
    let number = Lab.counter.add(1, ordering: .relaxed).newValue
    name = "lb\(getpid())x\(number)"
    directory = "/tmp/\(name)"
    let nodes: [Node] = [.pod, .gateway, .internet] + options.clouds.nodes
    namespaces = Dictionary(
      uniqueKeysWithValues: nodes.map { [name] in ($0, NetworkNamespace(name: "\(name)-\($0)")) })
    Lab.everyOpen.withLock { [name] in $0[name] = WeakLab(self) }
    do { try build() } catch {
      close()
      throw error
    }
  }

  deinit { close() }

  private func build() throws {
    try makeDirectory(directory)
    for namespace in namespaces.values { _ = try NetworkNamespace.add(named: namespace.name) }
    try Topology(namespaces: namespaces, clouds: options.clouds.nodes).build()
    try LeakCounters(internet: namespace(.internet)).install()
    try CiliumStandIn(gateway: namespace(.gateway)).install()
    try startServers()
    for node in [.gateway] + options.clouds.nodes {
      let daemon = try ZeroTierNode(node, in: self)
      state.withLock { $0.zeroTier[node] = daemon }
    }
    for daemon in state.withLock({ Array($0.zeroTier.values) }) { try daemon.waitUntilUp() }
  }

  private func startServers() throws {
    let (stop, opened) = (StopFlag(), StopFlag())
    let thread = try WorkerThread(in: namespace(.internet)) {
      try InternetServers.serve(until: stop, opened: opened)
    }
    keep(thread, stoppedBy: stop)
    if eventually(within: .seconds(5), step: .milliseconds(1), { opened.isRaised ? true : nil }) == nil {
      stop.raise()
      try thread.join()
      throw LabError("starting the Internet's servers", "they are not up after 5 s")
    }
  }

  public func namespace(_ node: Node) throws(LabError) -> NetworkNamespace {
    guard let namespace = namespaces[node] else { throw LabError("using \(node)", "this lab has none") }
    return namespace
  }

  /// The simulated ZeroTier of that node.
  public func zeroTier(_ node: Node) throws(LabError) -> ZeroTierNode {
    guard let daemon = state.withLock({ $0.zeroTier[node] }) else {
      throw LabError("using ZeroTier on \(node)", "this lab has none there")
    }
    return daemon
  }

  /// The cloud servers of this lab, in the order of their exits.
  public var clouds: [Node] { options.clouds.nodes }

  func keep(_ thread: WorkerThread, stoppedBy flag: StopFlag) {
    state.withLock { $0.threads.append((flag, thread)) }
  }

  func keep(_ container: Container) { state.withLock { $0.containers.append(container) } }

  func keep(_ process: ChildProcess) { state.withLock { $0.others.append(process) } }

  func keep(_ agent: AgentProcess) { state.withLock { $0.agents.append(agent) } }

  /// Ends every process and thread of the lab and removes its namespaces and its directory. May be called
  /// again; what fails is left for the next lab's sweep.
  public func close() {
    let last = state.withLock { state -> State? in
      defer { state = State(closed: true) }
      return state.closed ? nil : state
    }
    guard let last else { return }
    for (flag, _) in last.threads { flag.raise() }
    for agent in last.agents { agent.end() }
    for process in last.others { process.end() }
    for container in last.containers { container.close() }
    for daemon in last.zeroTier.values { daemon.end() }
    // A thread that threw has already made the test fail by not serving.
    for (_, thread) in last.threads { _ = try? thread.join() }
    for namespace in namespaces.values { _ = try? namespace.delete() }
    removeTree(directory)
    Lab.everyOpen.withLock { [name] in $0[name] = nil }
  }

  /// Closes every lab of this process, before it exits on a signal.
  public static func closeAll() {
    for lab in everyOpen.withLock({ $0.values.compactMap(\.lab) }) { lab.close() }
  }
}

private struct WeakLab: Sendable {
  weak let lab: Lab?
  init(_ lab: Lab) { self.lab = lab }
}

extension Lab {
  /// Lets the lab run on for a while: the length of a fault, not a wait for something.
  public func letPass(_ time: Duration) { pause(time) }
}
