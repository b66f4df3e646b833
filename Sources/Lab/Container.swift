import Glibc

/// A machine of the lab with a systemd of its own: it boots from an overlay of this machine's root, and is in the
/// node's network namespace. Its links, the traffic and the leak counters are the lab's.
///
/// Of this machine's own services, mounts and settings it has none: `/etc/systemd/system`, `/etc/fstab` and the like
/// are empty, and what should start is said in `Setup`. Closed with the lab at the latest. Several may run at once.
public final class Container: Sendable {
  public let node: Node
  private let name: String
  private let namespace: NetworkNamespace
  private let directories: [String: String]
  private let root: OverlayRoot
  private let group: ControlGroup
  private let running = Guarded<Running?>(nil)
  private let logPath: String

  private struct Running: Sendable {
    let process: ChildProcess
    /// Its PID 1, by the host's number.
    let leader: pid_t
  }

  /// Made and not yet booted.
  public init(on node: Node, in lab: Lab, _ setup: Setup = Setup()) throws {
    try Requirements.checkContainers()
    self.node = node
    name = "\(lab.name)-\(node)"
    namespace = try lab.namespace(node)
    directories = setup.directories
    logPath = "\(lab.directory)/container-\(node).log"
    group = try ControlGroup(named: name)
    root = try OverlayRoot(named: name, over: setup.image?.root, .init(script: Container.emptying))
    lab.keep(self)
    for file in setup.files { try write(file) }
    for command in setup.preparations { try changeRoot(command) }
    for unit in setup.masked { try changeRoot(["systemctl", "--root=/", "mask", unit]) }
    for unit in setup.enabled { try changeRoot(["systemctl", "--root=/", "enable", unit]) }
  }

  /// Boots it, for the first time or again, and waits until it has started what it should. Fails if a unit did,
  /// unless that is what is wanted.
  public func boot(expecting state: SystemState = .running, within limit: Duration = .seconds(30)) throws {
    let binds = directories.map { "--bind=\($0.key):\($0.value)" }
    // Parameters below /proc/sys/net are the namespace's, so they may be written.
    let arguments =
      ["env", "SYSTEMD_NSPAWN_API_VFS_WRITABLE=network", "systemd-nspawn", "--directory=\(root.root)"]
      + ["--machine=\(name)", "--boot", "--register=no", "--keep-unit", "--capability=all", "--settings=no"]
      + ["--link-journal=no", "--resolv-conf=off", "--timezone=off", "--console=pipe"] + binds
    let nothing = Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC))
    let log = Descriptor(open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600))
    guard nothing.number >= 0, log.number >= 0 else { throw LabError("opening \(logPath)", errno: errno) }
    let process = try ChildProcess(
      ["nsenter", "--net=/run/netns/\(namespace.name)", "--"] + root.entering(group.entering(arguments)),
      streams: .init(input: nothing.number, output: log.number, error: log.number), group: .own)
    let end = Moment.now + limit
    let leader = eventually(within: limit) { try? childOfChild(of: process) }
    guard let leader else {
      process.end()
      throw LabError("booting \(name)", "no init after \(limit): \((try? readFile(logPath)) ?? "")")
    }
    running.withLock { $0 = Running(process: process, leader: leader) }
    try wait(for: state, until: end)
  }

  /// What `systemctl is-system-running` says in the end.
  public enum SystemState: String, Sendable {
    case running
    /// Units have failed.
    case degraded
  }

  private func wait(for wanted: SystemState, until end: Moment) throws {
    var said = ""
    let found = try eventually(within: end - .now, step: .milliseconds(20)) { () -> SystemState? in
      guard isRunning else {
        throw LabError("booting \(name)", "it ended: \((try? readFile(logPath)) ?? "")")
      }
      said = (try? execute(["systemctl", "is-system-running"]).run().stdout) ?? ""
      return SystemState(rawValue: said.filter { $0 != "\n" })
    }
    guard found == wanted else {
      throw LabError("booting \(name)", "it is not \(wanted) but \(said)\(failures())")
    }
  }

  /// Failed units, and what they said.
  private func failures() -> String {
    let list = ["systemctl", "--failed", "--plain", "--no-legend"]
    let units = ((try? execute(list).run().stdout) ?? "").split(separator: "\n").compactMap {
      $0.split(separator: " ").first.map(String.init)
    }
    return units.map { unit in
      let journal = ["journalctl", "--no-pager", "--output=cat", "--lines=20", "--unit=\(unit)"]
      return "\(unit):\n\((try? execute(journal).run().stdout) ?? "")"
    }.joined()
  }

  private func childOfChild(of process: ChildProcess) throws(LabError) -> pid_t {
    // nsenter's child is systemd-nspawn, and its child the container's init once it has set it up.
    let child = try onlyChild(of: onlyChild(of: process.pid))
    guard try readFile("/proc/\(child)/comm") == "systemd\n" else {
      throw LabError("looking for init", "not yet")
    }
    return child
  }

  public var isRunning: Bool { running.withLock { $0?.process.poll() == nil && $0 != nil } }

  /// A command inside: with its files, its processes and its network.
  public func execute(
    _ arguments: [String], input: String = "", limit: Duration = .seconds(20)
  ) throws(LabError) -> Command {
    guard let leader = running.withLock({ $0?.leader }) else {
      throw LabError("running \(arguments.joined(separator: " ")) in \(name)", "it is not booted")
    }
    let namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd"]
    return Command(
      ["nsenter", "--target=\(leader)"] + namespaces + ["--"] + arguments, input: input, limit: limit)
  }

  /// Runs a command inside and hands back its output; another exit status than 0 is an error. Words split at blanks.
  @discardableResult public func run(_ line: String) throws(LabError) -> String {
    try execute(line.split(separator: " ").map(String.init)).output()
  }

  /// `systemctl poweroff`, and waits until it is off. What it wrote is there at the next boot.
  public func powerOff(within limit: Duration = .seconds(30)) throws {
    try run("systemctl --no-block poweroff")
    try end(within: limit)
  }

  /// As if the power were cut.
  public func cutPower() throws {
    running.withLock { if let running = $0 { kill(running.leader, SIGKILL) } }
    try end(within: .seconds(10))
  }

  private func end(within limit: Duration) throws(LabError) {
    guard let process = running.withLock({ $0?.process }) else { return }
    _ = try process.wait(within: limit)
    running.withLock { $0 = nil }
  }

  /// A command below its root while it need not run; the network is the caller's.
  private func changeRoot(_ arguments: [String]) throws(LabError) {
    try Command(root.entering(["chroot", root.root] + arguments)).output()
  }

  /// Writes a file, before or while it runs.
  public func write(_ file: ContainerFile) throws {
    let path = root.path(file.path)
    try makeDirectories(above: path)
    switch file.content {
    case .text(let text):
      unlink(path)
      try writeFile(path, text, creating: .mode(file.mode))
    case .copy(let original):
      try Command(["install", "-m", String(file.mode, radix: 8), original, path]).output()
    }
  }

  /// Ends it whatever its state, and removes it.
  func close() {
    root.end()
    running.withLock { running in
      running?.process.end()
      running = nil
    }
    group.remove()
  }
}
