import Model
public struct Exit: Equatable, Hashable, Sendable { public var name: String; public var address: IPAddress; public var nodeID: ZeroTierNodeID?
 public init(name: String, address: IPAddress, nodeID: ZeroTierNodeID? = nil) { self.name=name; self.address=address; self.nodeID=nodeID } }
public enum WhenDown: String, Sendable { case blackhole, unreachable, prohibit }
public struct ProbeSettings: Equatable, Sendable { public var interval, timeout: Duration; public var failAfter, recoverAfter: Int; public var failbackAfter: Duration
 public init(interval: Duration = .seconds(1), timeout: Duration = .seconds(1), failAfter: Int = 3, recoverAfter: Int = 5, failbackAfter: Duration = .seconds(60)) { self.interval=interval; self.timeout=timeout; self.failAfter=failAfter; self.recoverAfter=recoverAfter; self.failbackAfter=failbackAfter } }
public struct GatewaySettings: Equatable, Sendable { public var egressIP: IPAddress; public var exits: [Exit]; public var excludedCIDRs: [CIDR]; public var routingTable: RoutingTableID; public var rulePriority: RulePriority; public var whenDown: WhenDown; public var probe: ProbeSettings
 public init(egressIP: IPAddress, exits: [Exit], excludedCIDRs: [CIDR], routingTable: RoutingTableID, rulePriority: RulePriority, whenDown: WhenDown, probe: ProbeSettings) { self.egressIP=egressIP; self.exits=exits; self.excludedCIDRs=excludedCIDRs; self.routingTable=routingTable; self.rulePriority=rulePriority; self.whenDown=whenDown; self.probe=probe } }
public enum SourceNAT: Equatable, Sendable { case masquerade, fixed(IPAddress) }
public enum TransportProtocol: String, Sendable { case tcp, udp, icmp }
public struct AllowedTraffic: Equatable, Sendable { public var `protocol`: TransportProtocol; public var ports: [ClosedRange<UInt16>]
 public init(protocol p: TransportProtocol, ports: [ClosedRange<UInt16>]) { self.protocol=p; self.ports=ports } }
public enum WANInterface: Equatable, Sendable { case auto, named(InterfaceName) }
public enum MSSClamp: Sendable { case clamp, off }
public struct CloudSettings: Equatable, Sendable { public var sources: [CIDR]; public var wanInterface: WANInterface; public var snat: SourceNAT; public var allow: [AllowedTraffic]; public var denyDestinations: [CIDR]; public var clampMSS: MSSClamp
 public init(sources: [CIDR], wanInterface: WANInterface, snat: SourceNAT, allow: [AllowedTraffic], denyDestinations: [CIDR], clampMSS: MSSClamp) { self.sources=sources; self.wanInterface=wanInterface; self.snat=snat; self.allow=allow; self.denyDestinations=denyDestinations; self.clampMSS=clampMSS } }
