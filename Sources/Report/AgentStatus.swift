import Model

/// All that the agent says of itself. The page, the JSON document, the metrics and the exit status of
/// `status` are made from this one value, so that they cannot contradict each other.
public struct AgentStatus: Equatable, Sendable {
  public var version: String
  public var commit: String
  public var role: RoleName
  public var phase: Phase
  /// Why the phase is not `ready`; empty when it is.
  public var reasons: [Finding] = []
  public var startedAt: Timestamp
  public var phaseSince: Timestamp
  /// Whether the kernel forwards sandbox traffic through the tunnel now.
  public var tunnelUp = false
  public var config: ConfigStatus
  public var zerotier = ZeroTierStatus()
  /// In the configuration's order of preference; empty on a cloud server.
  public var exits: [ExitStatus] = []
  /// Nil on a gateway.
  public var wan: WANStatus?
  /// Those that a cloud server saw lately, the busiest first.
  public var gateways: [GatewayTraffic] = []
  public var kernel = KernelStatus()
  public var reconcile = ReconcileStatus()
  public var drift = DriftStatus()
  public var guardDrops: [GuardDrop] = []
  public var traffic = TrafficStatus()
  /// What a person should see to although traffic is not affected, or not yet.
  public var warnings: [Finding] = []

  /// An agent that has just started and knows nothing yet.
  public init(build: BuildIdentity, role: RoleName, startedAt: Timestamp, configPath: String) {
    version = build.version
    commit = build.commit
    self.role = role
    phase = .starting
    self.startedAt = startedAt
    phaseSince = startedAt
    config = ConfigStatus(path: configPath)
  }
}

/// Which build this is.
public struct BuildIdentity: Equatable, Sendable {
  public var version: String
  /// The revision that it was built from; "unknown" for a build outside of version control.
  public var commit: String

  public init(version: String, commit: String) {
    self.version = version
    self.commit = commit
  }
}

/// What the agent is on this host. Raw values are those of the configuration's `role`.
public enum RoleName: String, Hashable, Sendable, CaseIterable {
  case gateway
  case cloud
}

/// What the agent can say of its purpose at this moment.
public enum Phase: String, Hashable, Sendable, CaseIterable {
  /// The first pass has not finished; kernel state is fail-closed.
  case starting
  /// Kernel state is verified; on a gateway, traffic flows through the preferred exit.
  case ready
  /// Traffic flows, and something needs a person.
  case degraded
  /// No traffic can flow, by intent.
  case blocked

  /// What `status` exits with. `starting` counts as `blocked`: nothing flows yet.
  public var exitStatus: Int32 {
    switch self {
    case .ready: 0
    case .degraded: 1
    case .starting, .blocked: 2
    }
  }
}

/// Something that a person should know, and what to do about it.
public struct Finding: Hashable, Sendable {
  /// Stays the same from version to version, such as `exit-unhealthy`: scripts and alerts match it.
  public var code: String
  public var message: String
  public var remedy: String

  public init(code: String, message: String, remedy: String) {
    self.code = code
    self.message = message
    self.remedy = remedy
  }
}
