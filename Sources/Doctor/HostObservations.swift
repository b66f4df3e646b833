import Configuration
import Model
import Reconciliation
import Report

/// All that was seen of a host. Whoever fills it in changes nothing.
public struct HostObservations: Sendable {
  public var configuration: ConfigurationReading
  /// When all of it was seen.
  public var seenAt = Timestamp(secondsSinceEpoch: 0)
  /// Why some things cannot be looked at; empty for root.
  public var missingPrivileges: [String] = []
  public var daemon: Reading<DaemonReading> = .unknown("not looked at")
  public var unit: Reading<UnitReading> = .unknown("not looked at")
  /// What the plan's hand-made set-up left here, each in a few words.
  public var recipe: Reading<[String]> = .unknown("not looked at")

  public var zerotier: Reading<ZeroTierReading> = .unknown("not looked at")
  public var tunnel: Reading<TunnelReading> = .unknown("not looked at")
  public var exits: Reading<[ExitReading]> = .unknown("not looked at")
  public var targets: Reading<[TargetReading]> = .unknown("not looked at")
  public var wan: Reading<WANReading> = .unknown("not looked at")

  public var state: Reading<StateReading> = .unknown("not looked at")
  public var rules: Reading<[RoutingRule]> = .unknown("not looked at")
  /// Unicast routes of table local.
  public var localRoutes: Reading<[Route]> = .unknown("not looked at")
  public var parameters = ParameterReading()
  public var chains: Reading<[ForeignForwardChain]> = .unknown("not looked at")
  public var cilium: Reading<CiliumReading> = .unknown("not looked at")
  /// Nil: it does not run here.
  public var networkd: NetworkdSettings?
  public var networkManager: NetworkManagerReading?
  /// Programs of this host that manage firewalls, by name.
  public var firewallManagers: [String] = []
  public var kernel = KernelReading(release: "", isTooOld: false)
  public var isClockSynchronised: Reading<Bool> = .unknown("not looked at")

  public var lookups: Reading<[LookupReading]> = .unknown("not looked at")
  public var packet: Reading<PacketReading> = .unknown("not looked at")

  public init(_ configuration: ConfigurationReading) { self.configuration = configuration }

  var gateway: GatewaySettings? {
    if case .gateway(let gateway)? = configuration.inForce?.role { gateway } else { nil }
  }

  var cloud: CloudSettings? {
    if case .cloud(let cloud)? = configuration.inForce?.role { cloud } else { nil }
  }

  /// The tunnel's link, if it is there.
  var tunnelLink: Link? {
    if case .present(let link, _)? = tunnel.value?.facts.interface { link } else { nil }
  }

  /// The daemon's, if it answers.
  public var status: AgentStatus? { if case .answers(let status)? = daemon.value { status } else { nil } }
}

public enum ConfigurationReading: Sendable {
  case usable(AgentConfiguration, path: String, warnings: [String])
  /// The file is refused and the last good one was read in its place.
  case lastGood(AgentConfiguration, path: String, error: String)
  case none(path: String, error: String)

  public var inForce: AgentConfiguration? {
    switch self {
    case .usable(let configuration, _, _), .lastGood(let configuration, _, _): configuration
    case .none: nil
    }
  }

  var path: String {
    switch self {
    case .usable(_, let path, _), .lastGood(_, let path, _), .none(let path, _): path
    }
  }
}

public enum DaemonReading: Sendable {
  case answers(AgentStatus)
  /// Nobody is at the socket.
  case absent(socket: String)
  /// Something is, and says nothing that counts.
  case silent(problem: String)
}

/// The service that blocks before there is a network.
public struct UnitReading: Sendable {
  public var name: String
  public var isInstalled: Bool
  public var isEnabled: Bool

  public init(name: String, isInstalled: Bool, isEnabled: Bool) {
    self.name = name
    self.isInstalled = isInstalled
    self.isEnabled = isEnabled
  }
}

/// The tunnel as ZeroTier and the kernel have it.
public struct TunnelReading: Sendable {
  public var facts: GateFacts
  /// Exits in none of the tunnel's networks, and why that is known.
  public var strangers: [(exit: String, problem: String)]

  public init(_ facts: GateFacts, strangers: [(exit: String, problem: String)] = []) {
    self.facts = facts
    self.strangers = strangers
  }
}

/// An exit that was sent an echo request or three.
public struct ExitReading: Sendable {
  public var name: String
  public var roundTrip: Duration?
  /// Why there was no answer.
  public var problem: String?

  public init(name: String, roundTrip: Duration?, problem: String? = nil) {
    self.name = name
    self.roundTrip = roundTrip
    self.problem = problem
  }
}

/// A server of the Internet that a connection was made to.
public struct TargetReading: Sendable {
  public var name: String
  /// Nil: it took the connection.
  public var problem: String?

  public init(name: String, problem: String?) {
    self.name = name
    self.problem = problem
  }
}

/// A cloud server's way out.
public struct WANReading: Sendable {
  public var wan: WAN?
  /// What `cloud.wanInterface` names.
  public var wanted: InterfaceName?
  public var link: Link?
  public var hasDefaultRoute: Bool

  public init(wan: WAN?, wanted: InterfaceName?, link: Link?, hasDefaultRoute: Bool) {
    self.wan = wan
    self.wanted = wanted
    self.link = link
    self.hasDefaultRoute = hasDefaultRoute
  }
}
