import Model

/// What one host's agent is to do: `agent.yaml`, read and checked. No value in here needs a second check.
public struct AgentConfiguration: Equatable, Sendable {
  public var role: Role
  public var zerotier: ZeroTierSettings
  public var status: StatusSettings
  public var metrics: MetricsSettings
  public var reconcile: ReconcileSettings
  public var log: LogSettings

  public init(
    role: Role, zerotier: ZeroTierSettings, status: StatusSettings = StatusSettings(),
    metrics: MetricsSettings = .standard, reconcile: ReconcileSettings = ReconcileSettings(),
    log: LogSettings = LogSettings()
  ) {
    self.role = role
    self.zerotier = zerotier
    self.status = status
    self.metrics = metrics
    self.reconcile = reconcile
    self.log = log
  }

  /// Where the file is when nobody says otherwise.
  public static let standardPath = "/etc/liteboxd/agent.yaml"
}

/// The two ends of the tunnel. A file holds the settings of its own role only.
public enum Role: Equatable, Sendable {
  /// A Kubernetes node: sends what has the egress IP as its source through an exit.
  case gateway(GatewaySettings)
  /// A cloud server: lets ZeroTier addresses out to the Internet.
  case cloud(CloudSettings)

  /// The role as the file writes it.
  var name: RoleName {
    switch self {
    case .gateway: .gateway
    case .cloud: .cloud
    }
  }
}

/// `role:` as it is written.
public enum RoleName: String, Sendable, CaseIterable {
  case gateway, cloud

  var other: RoleName { self == .gateway ? .cloud : .gateway }
}
