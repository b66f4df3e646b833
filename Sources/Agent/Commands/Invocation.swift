import Model
import Rendering
import Report

/// The command line, parsed.
struct Invocation: Equatable {
  enum Command: String, CaseIterable {
    case run, check, plan, apply, `guard`, teardown, status, events, doctor, reload, exit, render, adopt,
      completion, version, help
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
  /// What stands behind the command and is no option.
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
    if self.command == .help { try takeSubject() } else if !wantsHelp { try checkOperands() }
  }

  private init(_ command: Command) { self.command = command }

  private mutating func take(_ argument: String, _ rest: inout ArraySlice<String>) throws(Misuse) {
    guard argument.hasPrefix("-") else { return try takeOperand(argument) }
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
      String.init)
    guard let option = command.option(named: parts[0] == "-h" ? "--help" : parts[0]),
      option.value != nil || parts.count == 1
    else { throw unknown(argument) }
    switch option.name {
    case "--help": wantsHelp = true
    case "--config": configurationPath = try Self.value(parts, &rest)
    case "--socket": socketPath = try Self.value(parts, &rest)
    case "--network-id":
      networkID = try Self.value(
        parts, &rest, "a network ID of 16 hexadecimal digits", ZeroTierNetworkID.init(_:))
    case "--node": nodes.append(try Self.node(parts, &rest))
    case "--cilium-version":
      ciliumVersion = try Self.value(
        parts, &rest, "Cilium's version, \(CiliumVersion.oldest) or newer", CiliumVersion.init(_:))
    case "--since":
      since = try Self.value(
        parts, &rest, "a time such as 10m or 2026-11-21T09:00:00Z", EventCutoff.init(_:))
    default: flags.insert(option.name)
    }
  }

  private mutating func takeOperand(_ argument: String) throws(Misuse) {
    guard operands.count < command.operands.count else { throw unknown(argument) }
    operands.append(argument)
  }

  /// The command that `help` is about.
  private mutating func takeSubject() throws(Misuse) {
    guard let name = operands.first else { return }
    guard let subject = Command(rawValue: name) else { throw unknown(name) }
    command = subject
    wantsHelp = true
  }

  private func checkOperands() throws(Misuse) {
    switch command {
    case .exit:
      guard operands.count == 2, operands[0] == "use" else {
        throw Misuse(message: "exit: expected: exit use NAME, or exit use auto")
      }
    case .render: try checkRendering()
    case .completion: try checkCompletion()
    case .run, .check, .plan, .apply, .guard, .teardown, .status, .events, .doctor, .reload, .adopt, .version,
      .help:
      return
    }
  }

  private func unknown(_ argument: String) -> Misuse {
    Misuse(message: "\(command.rawValue): unknown argument \"\(argument)\"")
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
