import Model
import Reconciliation

/// The agent's own state: what there should be, what there is, and what `plan` says of it.
public struct StateReading: Sendable {
  public var desired: DesiredState
  public var observed: ObservedState
  public var plan: Plan
  /// Why a kind could not be read.
  public var unreadable: [ObjectKind: String]
  /// The commands of the plan name links by these.
  public var names: [InterfaceIndex: String]

  public init(
    desired: DesiredState, observed: ObservedState, plan: Plan, unreadable: [ObjectKind: String] = [:],
    names: [InterfaceIndex: String] = [:]
  ) {
    self.desired = desired
    self.observed = observed
    self.plan = plan.withoutWishes
    self.unreadable = unreadable
    self.names = names
  }
}

/// Kernel parameters; nil: there is none of that name here, or it cannot be read.
public struct ParameterReading: Sendable {
  public var forwarding: Int?
  /// `net.ipv4.conf.*.forwarding`.
  public var linkForwarding: [String: Int] = [:]
  /// `net.ipv4.conf.*.rp_filter`, `all` among them.
  public var reversePath: [String: Int] = [:]
  public var conntrackCount: Int?
  public var conntrackLimit: Int?

  public init() {}
}

/// Cilium, as far as its links and programs show it.
public struct CiliumReading: Sendable {
  /// `cilium_host`, `cilium_net`, `lxc*`.
  public var links: [String]
  /// Whether programs are attached to the tunnel's link; unknown without the privilege, or without the link.
  public var tunnelPrograms: Reading<Bool>

  public init(links: [String], tunnelPrograms: Reading<Bool>) {
    self.links = links
    self.tunnelPrograms = tunnelPrograms
  }
}

public struct NetworkManagerReading: Sendable {
  /// A file of its configuration keeps it from links named `zt…`.
  public var leavesTunnelsAlone: Bool
  public init(leavesTunnelsAlone: Bool) { self.leavesTunnelsAlone = leavesTunnelsAlone }
}

public struct KernelReading: Sendable {
  public var release: String
  /// Older than 5.10.
  public var isTooOld: Bool

  public init(release: String, isTooOld: Bool) {
    self.release = release
    self.isTooOld = isTooOld
  }
}

/// Where the kernel would send a packet. Nothing was sent.
public struct LookupReading: Sendable {
  public enum Answer: Equatable, Sendable {
    case link(InterfaceName)
    /// A route drops it; the kernel's word for that.
    case dropped(String)
    /// The question failed.
    case failed(String)
  }

  public var source: IPAddress
  public var destination: IPAddress
  public var answer: Answer

  public init(from source: IPAddress, to destination: IPAddress, _ answer: Answer) {
    self.source = source
    self.destination = destination
    self.answer = answer
  }
}

/// One datagram, and where it was seen leaving.
public struct PacketReading: Sendable {
  public struct Sighting: Hashable, Sendable {
    public let link: InterfaceName
    /// As it left: translated, or not.
    public let source: IPAddress

    public init(_ link: InterfaceName, from source: IPAddress) {
      self.link = link
      self.source = source
    }
  }

  public var source: IPAddress
  public var destination: IPAddress
  public var sightings: [Sighting]
  /// Why the kernel took it not at all.
  public var refusal: String?

  public init(
    from source: IPAddress, to destination: IPAddress, sightings: [Sighting], refusal: String? = nil
  ) {
    self.source = source
    self.destination = destination
    self.sightings = sightings
    self.refusal = refusal
  }
}
