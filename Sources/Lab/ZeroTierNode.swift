import Glibc

/// The lab's hand on one node's simulated ZeroTier.
public final class ZeroTierNode: Sendable {
  public let node: Node
  /// ZeroTier's home: authtoken.secret and zerotier-one.port.
  public let stateDirectory: String
  private let namespace: NetworkNamespace
  private let directory: String
  private let running: Guarded<Running>

  private struct Running {
    var settings: ZeroTierSettings
    var process: ChildProcess?
    /// The other end is the process's standard input: it ends when we do.
    var leash: Descriptor?
  }

  /// The network of the recordings.
  public static let networkID = "33ffeb838b000001"
  public static let firstDevice = "ztwb2oxa4k"

  init(_ node: Node, in lab: Lab) throws {
    self.node = node
    namespace = try lab.namespace(node)
    directory = lab.directory
    stateDirectory = "\(lab.directory)/zerotier-\(node)"
    guard let address = node.tunnelAddress else {
      throw LabError("running ZeroTier on \(node)", "no address")
    }
    var settings = ZeroTierSettings()
    settings.node = node
    settings.directory = directory
    settings.state = stateDirectory
    settings.networkID = ZeroTierNode.networkID
    settings.device = ZeroTierNode.firstDevice
    settings.address = address
    settings.clouds = lab.options.clouds
    running = Guarded(Running(settings: settings))
    try makeDirectory(stateDirectory)
    try start()
  }

  /// The device's present name.
  public var device: String { running.withLock { $0.settings.device } }

  private var logPath: String { "\(directory)/zerotier-\(node).log" }

  /// What the stand-in complained of.
  public var log: String { (try? readFile(logPath)) ?? "" }

  private func start() throws {
    let program = try Lab.program("liteboxd-lab", environment: "LITEBOXD_LAB")
    let pair = try SocketPair()
    let log = Descriptor(open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600))
    guard log.number >= 0 else { throw LabError("opening \(logPath)", errno: errno) }
    try running.withLock { running in
      let command = namespace.execute([program, "zerotier"] + running.settings.arguments)
      running.process = try ChildProcess(
        command.arguments,
        streams: .init(input: pair.theirs, output: log.number, error: log.number), group: .own)
      running.leash = Descriptor(pair.release())
    }
  }

  /// Waits until the link has come up as far as it does at a start.
  public func waitUntilUp() throws {
    let up = eventually(within: .seconds(10)) { (try? tell(.isReady)) != nil ? true : nil }
    if up == nil { throw LabError("starting ZeroTier's stand-in on \(node)", "not up after 10 s: \(log)") }
  }

  /// Tells the running process what to do and waits until it is done.
  public func tell(_ command: ZeroTierCommand) throws(LabError) {
    let attempt = "telling ZeroTier on \(node) \"\(command.line)\""
    let path = ZeroTierSettings.controlPath(of: node, in: directory)
    let socket = try Descriptor.socket(AF_UNIX, .stream, .blocking)
    guard let address = SocketAddress(path: path) else { throw LabError(attempt, "\(path) is too long") }
    let code = socket.connect(address)
    guard code == 0 else { throw LabError(attempt, errno: code) }
    _ = sendSome(Array("\(command.line)\n".utf8), to: socket.number)
    var waiting = [pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)]
    guard poll(&waiting, 1, 10_000) > 0 else { throw LabError(attempt, "no answer after 10 s") }
    let answer = String(decoding: receiveSome(from: socket.number), as: UTF8.self)
    guard answer == "ok\n" else { throw LabError(attempt, answer) }
  }

  /// SIGKILL; the device is gone when this returns.
  public func kill() throws { try stop(SIGKILL) }
  /// SIGTERM, as `systemctl stop` does.
  public func terminate() throws { try stop(SIGTERM) }

  private func stop(_ number: Int32) throws {
    let process = running.withLock { running in
      defer { running.process = nil }
      return running.process
    }
    process?.signal(number)
    _ = try process?.wait(within: .seconds(5))
    running.withLock { $0.leash = nil }
  }

  /// Whether the controller still wants this node when it comes back.
  public enum Authorisation: Sendable { case authorised, deauthorised }

  /// Starts it again, with a new interface index and the cache's answers at once; `device` gives the interface
  /// another name. Returns when the link is up. `silence` is how long the tunnel then carries nothing: 0.3 to 9 s
  /// with the real one, none here, so that what is measured is not the lab.
  public func restart(
    as authorisation: Authorisation = .authorised, device: String? = nil, silence: Duration = .zero
  ) throws {
    if running.withLock({ $0.process != nil }) { try kill() }
    running.withLock { running in
      running.settings.start = authorisation == .authorised ? .again : .deauthorised
      running.settings.device = device ?? running.settings.device
      running.settings.silence = silence
    }
    try start()
    try waitUntilUp()
  }

  /// Asks the API as the agent would, with the token of the file unless another is given.
  public func request(
    _ path: String, token: String? = nil, within limit: Duration = .seconds(2)
  ) throws -> (code: Int?, body: String) {
    let token = try token ?? readFile("\(stateDirectory)/authtoken.secret")
    let port = try UInt16(readFile("\(stateDirectory)/zerotier-one.port")) ?? 0
    let client = HTTPClient(
      host: "127.0.0.1", port: port, path: path, fields: ["X-ZT1-Auth": token], limit: limit)
    let response = try namespace.inside { try client.get() }
    return (response.code, response.body)
  }

  /// For the lab's end.
  func end() {
    running.withLock { running in
      running.process?.end()
      running = Running(settings: running.settings)
    }
  }
}

extension Lab {
  /// A program of this package: from the environment, or next to the one that runs.
  static func program(_ name: String, environment variable: String) throws(LabError) -> String {
    if let path = getenv(variable) { return String(cString: path) }
    let path = "\(programDirectory())/\(name)"
    guard access(path, X_OK) == 0 else {
      throw LabError("finding \(name)", "\(path) is no program; build it, or set \(variable)")
    }
    return path
  }
}
