/// What the agent counts from its start on. They survive a reload of the configuration and begin at 0 with the process.
public struct AgentCounters: Equatable, Sendable {
  public private(set) var reconcileSucceeded: UInt64 = 0
  public private(set) var reconcileFailed: UInt64 = 0
  public private(set) var reconcileDuration = Histogram()
  /// By kind of object.
  public private(set) var driftRepaired: [String: UInt64]
  public private(set) var repairDuration = Histogram()
  public private(set) var netlinkOverruns: UInt64 = 0
  /// By cause.
  public private(set) var resyncs: [String: UInt64]
  public private(set) var exitSwitches: UInt64 = 0
  /// By kind of error.
  public private(set) var zerotierAPIErrors: [String: UInt64]
  /// As netfilter saw it.
  public private(set) var forwarded = FollowedTraffic()
  /// All that passed the tunnel's link.
  public private(set) var tunnel = FollowedTraffic()
  private var lastReconcileDuration: Duration?
  private var lastReconcileAt: Duration?
  private var lastRepair: Duration?
  private var lastRepairAt: Duration?

  /// The values that the labels can take. Each is there with 0 from the start, so that a rate over the first event
  /// is not lost; a value that is not listed here appears when it first occurs.
  public init(objectKinds: [String], resyncCauses: [String], apiErrorKinds: [String]) {
    driftRepaired = AgentCounters.zeros(objectKinds)
    resyncs = AgentCounters.zeros(resyncCauses)
    zerotierAPIErrors = AgentCounters.zeros(apiErrorKinds)
  }

  /// One pass over the kernel state has ended, so long after the boot.
  public mutating func recordReconcile(duration: Duration, succeeded: Bool, at now: Duration) {
    if succeeded { reconcileSucceeded += 1 } else { reconcileFailed += 1 }
    reconcileDuration.record(duration)
    lastReconcileDuration = duration
    lastReconcileAt = now
  }

  /// One pass has put right what others changed: how many objects of each kind, and how long it took from the
  /// kernel's event to the state read back and verified, which was so long after the boot. Nothing is recorded when no
  /// object was repaired.
  public mutating func recordRepair(of objects: [String: Int], duration: Duration, at now: Duration) {
    let repaired = objects.filter { $0.value > 0 }
    guard !repaired.isEmpty else { return }
    for (kind, count) in repaired { driftRepaired[kind, default: 0] += UInt64(count) }
    repairDuration.record(duration)
    lastRepair = duration
    lastRepairAt = now
  }

  /// The kernel dropped events that were meant for us (ENOBUFS on a netlink socket).
  public mutating func recordNetlinkOverrun() { netlinkOverruns += 1 }

  /// All of the kernel state is read again.
  public mutating func recordResync(cause: String) { resyncs[cause, default: 0] += 1 }

  /// Traffic has moved from one exit to another.
  public mutating func recordExitSwitch() { exitSwitches += 1 }

  /// ZeroTier's API gave no usable answer.
  public mutating func recordZeroTierAPIError(kind: String) { zerotierAPIErrors[kind, default: 0] += 1 }

  /// nftables' own counters, as just read: not what was added since.
  public mutating func followForwarded(_ reading: TrafficReading) { forwarded.follow(reading) }

  /// The link's own counters, as just read.
  public mutating func followTunnel(_ reading: TrafficReading) { tunnel.follow(reading) }

  /// The same counts for the status.
  public func reconcileStatus(by clock: WallClock) -> ReconcileStatus {
    var status = ReconcileStatus()
    status.total = Int(clamping: reconcileSucceeded + reconcileFailed)
    status.failures = Int(clamping: reconcileFailed)
    status.lastDurationSeconds = lastReconcileDuration?.seconds
    status.lastAt = lastReconcileAt.map(clock.time)
    return status
  }

  /// The same counts for the status.
  public func driftStatus(by clock: WallClock) -> DriftStatus {
    var status = DriftStatus()
    status.repaired = driftRepaired.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map {
      RepairedObjects(kind: $0.key, count: Int(clamping: $0.value))
    }
    status.lastRepairAt = lastRepairAt.map(clock.time)
    status.repairedTotal = Int(clamping: driftRepaired.values.reduce(0, +))
    status.lastRepairSeconds = lastRepair?.seconds
    return status
  }

  private static func zeros(_ labels: [String]) -> [String: UInt64] {
    Dictionary(labels.map { ($0, 0) }, uniquingKeysWith: { first, _ in first })
  }
}

/// A total that follows a counter which others may set back, as the kernel does when a table is replaced.
public struct FollowedCounter: Equatable, Sendable {
  /// What was counted since the first reading.
  public private(set) var total: UInt64 = 0
  private var last: UInt64?

  public init() {}

  /// The first reading is where counting begins. One that is smaller than the last comes from a counter that
  /// began again at 0.
  public mutating func follow(_ reading: UInt64) {
    if let last { total &+= reading >= last ? reading - last : reading }
    last = reading
  }
}
