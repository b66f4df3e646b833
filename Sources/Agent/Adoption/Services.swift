/// The agent's own units on this host.
struct Services {
  static let guardUnit = "liteboxd-agent-guard.service"
  static let daemon = "liteboxd-agent.service"
  static let names = [guardUnit, daemon]

  private let systemd: Systemd

  /// nil: the agent has to be started by hand, and why.
  static func find(configuration: String) -> (services: Services?, problem: String) {
    guard let systemd = Systemd() else { return (nil, "systemd does not run here") }
    let missing = names.filter { OldUnit.find($0) == nil }
    guard missing.isEmpty else { return (nil, "\(missing.joined(separator: " and ")) is not installed") }
    guard configuration == Invocation.defaultConfiguration else {
      return (
        nil, "the units read \(Invocation.defaultConfiguration), and the configuration is \(configuration)"
      )
    }
    return (Services(systemd: systemd), "")
  }

  /// What is left to do without them.
  static func byHand(_ problem: String, configuration: String) -> [String] {
    [
      "\(problem), so this is left to do by hand:",
      "  at boot, before there is a network: liteboxd-agent guard --config \(configuration)",
      "  now and after each boot, for as long as the host runs: liteboxd-agent run --config \(configuration)",
    ]
  }

  static let title =
    "systemctl enable --now \(names.joined(separator: " ")), and wait until the agent is ready"

  /// Started and in their targets.
  func areUp() throws -> Bool {
    try Self.names.allSatisfy { try systemd.isEnabled($0) && systemd.isActive($0) }
  }

  /// systemctl comes back when the agent has said READY=1: its first pass was verified. The unit gives it 60 seconds.
  func start() throws {
    try systemd.control(["enable", "--now"] + Self.names, within: .seconds(100))
  }
}
