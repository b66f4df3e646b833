import Glibc
import Synchronization

/// What a stand-in is started with.
struct ZeroTierSettings {
  /// What came before this start, which shows for some seconds.
  enum Start: String {
    /// Everything settled at once, so that a lab need not wait.
    case first
    /// From its cache: OK and the address at once, offline for five seconds.
    case again
    /// The same, and the controller says no 0.5 s later.
    case deauthorised
  }

  var node = Node.gateway
  /// Of the lab: the frames' and control sockets are here.
  var directory = ""
  /// ZeroTier's home on this node: token and port.
  var state = ""
  var networkID = ""
  var device = ""
  var address = ""
  var start = Start.first
  /// From a restart until frames pass.
  var silence = Duration.zero
  var clouds = CloudServers.one

  /// Set by SIGTERM.
  static let terminated = Atomic<Bool>(false)

  var controlPath: String { ZeroTierSettings.controlPath(of: node, in: directory) }
  static func controlPath(of node: Node, in directory: String) -> String { "\(directory)/control-\(node)" }

  var arguments: [String] {
    [
      "--node", node.rawValue, "--socket-dir", directory, "--state", state, "--network", networkID,
      "--device", device, "--address", address, "--start", start.rawValue, "--clouds", clouds.rawValue,
      "--silence-ns", "\(silence.nanoseconds)",
    ]
  }

  init() {}

  init(arguments: [String]) throws(LabError) {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      guard let value = rest.popFirst() else { throw LabError("reading \(option)", "it wants a value") }
      switch option {
      case "--socket-dir": directory = value
      case "--state": state = value
      case "--network": networkID = value
      case "--device": device = value
      case "--address": address = value
      case "--node":
        guard let node = Node(rawValue: value) else {
          throw LabError("reading \(option)", "no node \(value)")
        }
        self.node = node
      case "--start":
        guard let start = Start(rawValue: value) else { throw LabError("reading \(option)", value) }
        self.start = start
      case "--clouds":
        guard let clouds = CloudServers(rawValue: value) else { throw LabError("reading \(option)", value) }
        self.clouds = clouds
      case "--silence-ns": silence = .nanoseconds(Int64(value) ?? 0)
      default: throw LabError("reading \(option)", "unknown option")
      }
    }
  }

  private var tokenPath: String { "\(state)/authtoken.secret" }

  /// The token of the file, as zerotier-one reads it at its start; a new one if there is none.
  func authToken() throws(LabError) -> String {
    if access(tokenPath, F_OK) == 0 { return try readFile(tokenPath).filter { !$0.isWhitespace } }
    let letters = Array("0123456789abcdefghijklmnopqrstuvwxyz")
    let token = String((0..<24).map { _ in letters[Int.random(in: letters.indices)] })
    try writeToken(token)
    return token
  }

  func writeToken(_ token: String) throws(LabError) {
    try writeFile(tokenPath, token, creating: .mode(0o600))
  }
}

/// `liteboxd-lab zerotier`: the stand-in as a process. Returns its exit status.
public func runZeroTierStandIn(arguments: [String]) -> Int32 {
  signal(SIGTERM) { _ in ZeroTierSettings.terminated.store(true, ordering: .relaxed) }
  signal(SIGPIPE, SIG_IGN)
  do {
    try ZeroTierDaemon(ZeroTierSettings(arguments: arguments)).run()
    return 0
  } catch {
    report("liteboxd-lab zerotier: \(error)")
    return 1
  }
}

/// One line on standard error.
public func report(_ line: String) {
  let bytes = Array("\(line)\n".utf8)
  _ = write(STDERR_FILENO, bytes, bytes.count)
}
