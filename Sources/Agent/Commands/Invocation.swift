import Model
import Rendering
import Report

/// The command line, parsed.
struct Invocation: Equatable {
  enum Command: String, CaseIterable {
    case run, check, plan, apply, `guard`, teardown, status, events, doctor, reload, exit, render, adopt,
      version, help

    /// Options beside --config, --socket and --help.
    var flags: Set<String> {
      switch self {
      case .teardown: ["--yes", "--restore-forwarding"]
      case .adopt: ["--yes"]
      case .status: ["--json", "--watch"]
      case .events: ["--json", "--follow", "--all"]
      case .doctor, .reload: ["--json"]
      case .exit: ["--json", "--keep"]
      case .run, .check, .plan, .apply, .guard, .render, .version, .help: []
      }
    }
  }

  static let defaultConfiguration = "/etc/liteboxd/agent.yaml"
  static let defaultSocket = "/run/liteboxd/agent.sock"

  var command: Command
  var configurationPath = Invocation.defaultConfiguration
  /// nil: the configuration's.
  var socketPath: String?
  var flags: Set<String> = []
  /// Of `adopt`: the ZeroTier network, so that ZeroTier is not asked which it is.
  var networkID: ZeroTierNetworkID?
  /// Of `render cilium-policy`.
  var nodes: [NamedNode] = []
  var ciliumVersion: CiliumVersion?
  /// Of `events`: from when on they are asked for.
  var since: EventCutoff?
  /// What stands behind `exit`, `use` and the exit's name, and behind `render`.
  var operands: [String] = []
  /// `--help`, or the command that `help` is about.
  var wantsHelp = false

  /// `--node NAME=FILE`: a gateway's node, and the configuration that its agent has.
  struct NamedNode: Equatable {
    let name: String
    /// nil: that of --config.
    let file: String?
  }

  struct Misuse: Error, Equatable {
    let message: String
  }

  /// - Parameter arguments: without the program's name.
  init(_ arguments: [String]) throws(Misuse) {
    var rest = arguments[...]
    guard let first = rest.popFirst() else { throw Misuse(message: "no command given") }
    if first == "--help" || first == "-h" {
      self.init(.help)
      return
    }
    if first == "--version" {
      self.init(.version)
      return
    }
    guard let command = Command(rawValue: first) else {
      throw Misuse(message: "unknown command \"\(first)\"")
    }
    self.init(command)
    while let argument = rest.popFirst() { try take(argument, &rest) }
    if self.command == .exit, !wantsHelp, operands.count != 2 || operands[0] != "use" {
      throw Misuse(message: "exit: expected: exit use NAME, or exit use auto")
    }
    if self.command == .render, !wantsHelp { try checkRendering() }
  }

  private init(_ command: Command) { self.command = command }

  private mutating func take(_ argument: String, _ rest: inout ArraySlice<String>) throws(Misuse) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
      String.init)
    switch parts[0] {
    case "--help", "-h": wantsHelp = true
    case "--config": configurationPath = try Self.value(parts, &rest)
    case "--socket": socketPath = try Self.value(parts, &rest)
    case "--network-id" where command == .adopt:
      networkID = try Self.value(
        parts, &rest, "a network ID of 16 hexadecimal digits", ZeroTierNetworkID.init(_:))
    case "--node" where command == .render: nodes.append(try Self.node(parts, &rest))
    case "--cilium-version" where command == .render:
      ciliumVersion = try Self.value(
        parts, &rest, "Cilium's version, \(CiliumVersion.oldest) or newer", CiliumVersion.init(_:))
    case "--since" where command == .events:
      since = try Self.value(
        parts, &rest, "a time such as 10m or 2026-11-21T09:00:00Z", EventCutoff.init(_:))
    case let flag where command.flags.contains(flag) && parts.count == 1: flags.insert(flag)
    case let name where command == .help && Command(rawValue: name) != nil:
      self.command = Command(rawValue: name) ?? .help
      wantsHelp = true
    case let word where command == .exit && !word.hasPrefix("-") && operands.count < 2:
      operands.append(argument)
    case let word where command == .render && !word.hasPrefix("-") && operands.isEmpty:
      operands.append(argument)
    default: throw Misuse(message: "\(command.rawValue): unknown argument \"\(argument)\"")
    }
  }

  static func value(
    _ parts: [String], _ rest: inout ArraySlice<String>, _ what: String = "a path"
  ) throws(Misuse) -> String {
    guard let value = parts.count == 2 ? parts[1] : rest.popFirst(), !value.isEmpty else {
      throw Misuse(message: "\(parts[0]) needs \(what)")
    }
    return value
  }

  /// The option's value as `make` takes it.
  static func value<T>(
    _ parts: [String], _ rest: inout ArraySlice<String>, _ what: String, _ make: (String) -> T?
  ) throws(Misuse) -> T {
    guard let value = make(try value(parts, &rest, what)) else {
      throw Misuse(message: "\(parts[0]) needs \(what)")
    }
    return value
  }
}
