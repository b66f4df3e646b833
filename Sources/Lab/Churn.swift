import Glibc

/// Lines for `ip` that are done again and again in a node's namespace, by a process of its own, whether they fail or
/// not.
public final class Churn: Sendable {
  private let process: ChildProcess

  public init(_ lines: [String], on node: Node, in lab: Lab) throws {
    let path = "\(lab.directory)/churn-\(node)"
    // Many in one file: what counts is the kernel's time, not that of starting `ip`.
    let round = lines.joined(separator: "\n") + "\n"
    try writeFile(path, String(repeating: round, count: 100), creating: .mode(0o600))
    let nothing = Descriptor(open("/dev/null", O_RDWR | O_CLOEXEC))
    guard nothing.number >= 0 else { throw LabError("opening /dev/null", errno: errno) }
    let command = try lab.namespace(node).execute([
      "sh", "-c", "while :; do ip -force -batch \"$1\"; done", "sh", path,
    ])
    process = try ChildProcess(
      command.arguments,
      streams: .init(input: nothing.number, output: nothing.number, error: nothing.number), group: .own)
  }

  deinit { end() }

  /// SIGKILL, for the `ip` that runs as well; what that was told goes on for a moment.
  public func end() {
    if process.poll() == nil { kill(-process.pid, SIGKILL) }
    process.end()
  }
}
