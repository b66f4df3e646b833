import Kernel
import Model
import Report

extension Finding {
  init(refusal error: KernelError) {
    let parameter =
      error.attempt.hasPrefix(Self.parameterAttempt)
      ? error.attempt.dropFirst(Self.parameterAttempt.count) : nil
    self.init(
      code: "kernel-refused", message: "\(error)",
      remedy: parameter.map { "sysctl -w \($0), and see why the agent may not" }
        ?? "the agent tries again by itself; if it stays, check the capabilities and the kernel's features"
    )
  }

  /// As `SysctlFile` says it.
  private static let parameterAttempt = "setting sysctl "

  /// Of the cloud server's `nf_conntrack_tcp_loose`, the only such parameter.
  init(unmet error: KernelError) {
    self.init(
      code: "midstream-pickup-off",
      message: "clients hang when a gateway moves their connections to this server: \(error)",
      remedy: "sysctl -w net.netfilter.nf_conntrack_tcp_loose=1, and see why the agent may not")
  }

  static func standbyExit(_ active: String, insteadOf preferred: String, because problem: String?) -> Finding
  {
    Finding(
      code: "standby-exit",
      message: "exit \(active) is in use instead of \(preferred)\(problem.map { ": \($0)" } ?? "")",
      remedy: "see to \(preferred); traffic returns once it has been healthy for gateway.probe.failbackAfter")
  }

  static func exitsMissing(_ names: [String]) -> Finding {
    Finding(
      code: "exit-missing", message: "no flows go through \(names.joined(separator: ", "))",
      remedy: "see to it; it gets its share once it has been healthy for gateway.probe.failbackAfter")
  }

  static func pinnedExit(_ name: String) -> Finding {
    Finding(
      code: "exit-pinned", message: "traffic is pinned to exit \(name); no other one takes over if it fails",
      remedy: "liteboxd-agent exit use auto, when the maintenance is over")
  }

  static func exitUnasked(_ name: String, _ problem: String?) -> Finding {
    Finding(
      code: "exit-unasked",
      message: "exit \(name) carries traffic and cannot be asked whether it works"
        + (problem.map { ": \($0)" } ?? ""),
      remedy: "see what uses up the descriptors or the memory, or raise the limits (LimitNOFILE=, MemoryMax=)"
    )
  }

  static let pending = Finding(
    code: "kernel-pending",
    message: "the kernel's state is being changed and was not read back as wanted yet",
    remedy: "wait a moment; if it stays, see the log")

  static func fight(with opponents: [String], isSlowed: Bool) -> Finding {
    let names = opponents.isEmpty ? "" : "; the last were " + opponents.joined(separator: ", ")
    let isNetworkd = opponents.contains(Opponents.networkd)
    return Finding(
      code: "fight",
      message: "somebody undoes the agent's repairs again and again\(names)"
        + (isSlowed ? "; they are made more slowly now" : ""),
      remedy: isNetworkd
        ? "let systemd-networkd keep what is not its own: ManageForeignRoutingPolicyRules=no and ManageForeignRoutes=no in networkd.conf, then restart it"
        : "find the other manager of these rules, routes or parameters and stop it")
  }

  static func listener(_ what: String, _ error: any Error) -> Finding {
    Finding(
      code: "listener-failed", message: "\(what): \(error)",
      remedy: "free the address or path, or change it in the configuration; the agent tries again by itself")
  }
}
