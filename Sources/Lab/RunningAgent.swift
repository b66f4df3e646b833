import JSON

/// An agent at work on a node of the lab, however it was started.
public protocol RunningAgent: Sendable {
  var node: Node { get }
  /// All that it and its predecessors on this node have written so far.
  var log: String { get }
  /// How it ended; nil while it runs.
  var ending: String? { get }
  /// Runs another command of the same program, in the same place, with the same configuration.
  func run(_ arguments: [String], limit: Duration) throws -> Command.Result
}

extension RunningAgent {
  public func run(_ arguments: [String]) throws -> Command.Result {
    try run(arguments, limit: .seconds(20))
  }

  /// `status --json`; nil while no daemon answers.
  public func status() throws -> JSONValue? { try statusAnswer(run(["status", "--json"]), of: node) }

  /// Asks every 20 ms until the status passes `test`, and hands it back.
  @discardableResult public func waitForStatus(
    _ wanted: String, within limit: Duration, _ test: (JSONValue) throws -> Bool
  ) throws -> JSONValue {
    var last: JSONValue?
    let found = try eventually(within: limit, step: .milliseconds(20)) { () -> JSONValue? in
      if let ending {
        throw LabError("waiting for \(wanted) on \(node)", "the agent ended with \(ending):\n\(log)")
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
    try waitForStatus("phase \(phase)", within: limit) { try self.phase(of: $0) == phase }
  }
}

/// What `status --json` came to; nil when no daemon answered it.
func statusAnswer(_ result: Command.Result, of node: Node) throws -> JSONValue? {
  guard result.status != .exited(3) else { return Optional.none }
  do { return try JSONValue(parsing: result.stdout.utf8) } catch {
    throw LabError("reading status --json of \(node)", "\(error): \(result.stdout)\(result.stderr)")
  }
}
