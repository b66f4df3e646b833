import JSON
import Model

/// A cloud server as the gateway sees it.
public struct ExitStatus: Equatable, Sendable {
  /// Where the probe's hysteresis stands.
  public enum Health: String, Hashable, Sendable, CaseIterable {
    case unknown
    case healthy
    /// Losing probes, not yet enough of them to leave it.
    case suspect
    case unhealthy
  }

  /// How ZeroTier's packets get there.
  public enum Path: String, Hashable, Sendable, CaseIterable {
    case direct
    case relayed
    case unknown
  }

  public var name: String
  public var address: IPAddress
  /// Whether it may carry traffic.
  public var healthy = false
  /// The worst of its checks.
  public var health = Health.unknown
  /// Whether it carries the traffic.
  public var active = false
  /// A person chose it for all traffic.
  public var pinned = false
  /// Since when `healthy` and `health` are what they are; nil while nothing is known.
  public var healthSince: Timestamp?
  /// Of the last answered probe.
  public var rttSeconds: Double?
  /// Of the last probes, the oldest first, nil for one that was not answered in time. 60 at most; empty where there
  /// are too many exits to tell it of each.
  public var rttHistorySeconds: [Double?] = []
  /// 0 to 1, over the recent probes; nil before the first one ended.
  public var lossRatio: Double?
  public var path: Path?
  /// Why it is not healthy, or not known to be; nil when it is.
  public var problem: String?
  /// What it is asked, and how that stands.
  public var checks: [CheckStatus] = []
  /// Answers that came after they had been counted as lost, and second answers to one probe, since the start.
  public var lateAnswers = 0
  public var duplicateAnswers = 0
  /// How long a connection to the Internet through it took.
  public var throughSeconds: Double?
  /// The address that the Internet last saw through it; nil if it was not asked.
  public var publicAddress: IPAddress?
  /// What ZeroTier says of its node; nil if the configuration does not name it, or nothing was said.
  public var zerotier: PeerStatus?

  public init(name: String, address: IPAddress) {
    self.name = name
    self.address = address
  }
}

/// One kind of question to an exit.
public struct CheckStatus: Equatable, Sendable {
  /// `echo`, `through` or `publicAddress`.
  public var check: String
  public var health: ExitStatus.Health
  /// Why it does not succeed; nil when it does.
  public var problem: String?

  public init(check: String, health: ExitStatus.Health, problem: String?) {
    self.check = check
    self.health = health
    self.problem = problem
  }
}

/// What ZeroTier says of an exit's node: hints that lag by minutes.
public struct PeerStatus: Equatable, Sendable {
  public var nodeID: ZeroTierNodeID
  /// Where its packets come from, as `192.0.2.20:9993`; nil without a direct path.
  public var address: String?
  /// The last measurement, however old.
  public var latencySeconds: Double?
  /// Since something last came by a direct path.
  public var lastSeenSeconds: Double?
  public var version: String?
  /// Since when packets go through a relay, on end; nil if they do not.
  public var relayedSeconds: Double?

  public init(nodeID: ZeroTierNodeID) { self.nodeID = nodeID }
}

extension ExitStatus: StatusPart {
  func json() -> JSONValue {
    [
      "name": .string(name), "address": .string(address.description), "healthy": .bool(healthy),
      "health": .string(health.rawValue), "active": .bool(active), "pinned": .bool(pinned),
      "healthSince": text(healthSince),
      "rttSeconds": number(rttSeconds), "rttHistorySeconds": .array(rttHistorySeconds.map(number)),
      "lossRatio": number(lossRatio), "path": text(path?.rawValue),
      "problem": text(problem), "checks": array(checks), "lateAnswers": count(lateAnswers),
      "duplicateAnswers": count(duplicateAnswers), "throughSeconds": number(throughSeconds),
      "publicAddress": text(publicAddress), "zerotier": zerotier?.json() ?? .null,
    ]
  }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    name = try reader.string("name")
    address = try reader.required("address", "an IP address", \.ipAddress)
    healthy = try reader.bool("healthy")
    health = try reader.word("health")
    active = try reader.bool("active")
    pinned = try reader.bool("pinned")
    healthSince = try reader.optionalTime("healthSince")
    rttSeconds = try reader.seconds("rttSeconds")
    rttHistorySeconds = try reader.samples("rttHistorySeconds")
    lossRatio = try reader.optional("lossRatio", "a number", \.number)
    path = try reader.optionalWord("path")
    problem = try reader.optional("problem", "a string", \.string)
    checks = try reader.parts("checks")
    lateAnswers = try reader.count("lateAnswers")
    duplicateAnswers = try reader.count("duplicateAnswers")
    throughSeconds = try reader.seconds("throughSeconds")
    publicAddress = try reader.optional("publicAddress", "an IP address", \.ipAddress)
    zerotier = try reader.optionalPart("zerotier")
  }
}

extension CheckStatus: StatusPart {
  func json() -> JSONValue {
    ["check": .string(check), "health": .string(health.rawValue), "problem": text(problem)]
  }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    check = try reader.string("check")
    health = try reader.word("health")
    problem = try reader.optional("problem", "a string", \.string)
  }
}

extension PeerStatus: StatusPart {
  func json() -> JSONValue {
    [
      "nodeID": .string(nodeID.description), "address": text(address),
      "latencySeconds": number(latencySeconds), "lastSeenSeconds": number(lastSeenSeconds),
      "version": text(version), "relayedSeconds": number(relayedSeconds),
    ]
  }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    nodeID = try reader.required("nodeID", "a ZeroTier address") { $0.string.flatMap { ZeroTierNodeID($0) } }
    address = try reader.optional("address", "a string", \.string)
    latencySeconds = try reader.seconds("latencySeconds")
    lastSeenSeconds = try reader.seconds("lastSeenSeconds")
    version = try reader.optional("version", "a string", \.string)
    relayedSeconds = try reader.seconds("relayedSeconds")
  }
}

extension JSONValue {
  fileprivate var ipAddress: IPAddress? { string.flatMap { IPAddress($0) } }
}

extension ExitStatus.Health {
  /// Enough to carry traffic.
  var isUsable: Bool { self == .healthy || self == .suspect }
}
