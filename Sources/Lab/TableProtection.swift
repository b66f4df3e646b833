import JSON

/// What keeps others from the agent's nftables table.
public enum TableProtection: Sendable {
  /// The kernel refuses them every change (from 6.9 on).
  case kernel
  /// The agent, which puts everything back.
  case repairs

  /// As the agent finds it out by asking the kernel, the same for the whole run of this process.
  public static func here(askedBy agent: some RunningAgent) throws -> TableProtection {
    try answer.withLock { known in
      if let known { return known }
      let text = try agent.run(["version"]).stdout
      let wanted = "nftables tables that nobody but their owner can change: "
      let line = text.split(separator: "\n").first { $0.hasPrefix(wanted) }?.dropFirst(wanted.count)
      switch line {
      case let line? where line.hasPrefix("yes"): known = .kernel
      case let line? where line.hasPrefix("no;"): known = .repairs
      default: throw LabError("asking the agent for the kernel's features", "no known answer: \(text)")
      }
      return known ?? .kernel
    }
  }

  private static let answer = Guarded<TableProtection?>(nil)
}

extension RunningAgent {
  /// The phase that a status tells, apart from what this machine's kernel lacks: an agent that has nothing to say but
  /// that counts as `ready`.
  public func phase(of status: JSONValue) throws -> String? {
    let phase = status["phase"]?.string
    guard phase == "degraded",
      status["reasons"]?.array?.map({ $0["code"]?.string }) == [TableProtection.reason],
      try TableProtection.here(askedBy: self) == .repairs
    else { return phase }
    return "ready"
  }
}

extension TableProtection {
  /// The code of what `status` says where the kernel does not protect the table.
  public static let reason = "kernel-feature-missing"
}
