import Model

/// The configuration that is in force, and what became of the last attempt to read the file.
public struct ConfigStatus: Equatable, Sendable {
  public var path: String
  /// Of the document in force, in hexadecimal; nil before any was taken.
  public var sha256: String?
  /// When the document in force was taken.
  public var loadedAt: Timestamp?
  /// Why the file, as it is now, was refused; nil when it is the one in force.
  public var error: String?

  public init(path: String) { self.path = path }
}

/// What ZeroTier's API and the kernel say about the configured network.
public struct ZeroTierStatus: Equatable, Sendable {
  public var apiReachable = false
  /// ZeroTier's last definite word, such as `OK` or `ACCESS_DENIED`.
  public var networkStatus: String?
  public var interface: InterfaceName?
  public var interfaceIndex: InterfaceIndex?
  /// The interface's addresses with their prefix, as the kernel has them.
  public var addresses: [String] = []
  /// ZeroTier's own claim to reach its roots: a hint that lags by minutes.
  public var online: Bool?

  public init() {}
}

/// The owned kernel state, as last read back.
public struct KernelStatus: Equatable, Sendable {
  public var inSync = false
  public var objects: [ObjectCount] = []

  public init() {}
}

/// How many objects of one kind there should be, and are.
public struct ObjectCount: Equatable, Sendable {
  /// Such as `rule` or `route`.
  public var kind: String
  public var desired: Int
  /// Owned objects that were found, wanted or not.
  public var observed: Int

  public init(kind: String, desired: Int, observed: Int) {
    self.kind = kind
    self.desired = desired
    self.observed = observed
  }
}

/// Passes over the kernel state since the agent started.
public struct ReconcileStatus: Equatable, Sendable {
  public var total = 0
  /// How many of `total` could not finish.
  public var failures = 0
  public var lastDurationSeconds: Double?
  public var lastAt: Timestamp?

  public init() {}
}

/// Differences that others caused, and that were put right, since the agent started.
public struct DriftStatus: Equatable, Sendable {
  public var repairedTotal = 0
  /// What they were; kinds of which none was are left out.
  public var repaired: [RepairedObjects] = []
  public var lastRepairAt: Timestamp?
  /// From the kernel's event to the state read back and verified.
  public var lastRepairSeconds: Double?

  public init() {}
}

/// How many objects of one kind were put right.
public struct RepairedObjects: Equatable, Sendable {
  public var kind: String
  public var count: Int

  public init(kind: String, count: Int) {
    self.kind = kind
    self.count = count
  }
}

/// What one guard of the firewall has stopped.
public struct GuardDrop: Equatable, Sendable {
  public var guardName: String
  public var packets: Int

  public init(guardName: String, packets: Int) {
    self.guardName = guardName
    self.packets = packets
  }
}
