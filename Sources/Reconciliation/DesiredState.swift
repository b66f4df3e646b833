import Model

/// What the kernel shall hold: made from the configuration and from what is known of links and exits, never
/// from what the agent did before.
public struct DesiredState: Equatable, Sendable {
  public var rules: [RoutingRule]
  /// The routing tables that are owned whole, each with all that it shall hold.
  public var tables: [RoutingTableID: [Route]]
  /// nil: there shall be no table.
  public var nftables: NftablesTable?
  public var sysctls: [Sysctl]

  public init(
    rules: [RoutingRule] = [], tables: [RoutingTableID: [Route]] = [:], nftables: NftablesTable? = nil,
    sysctls: [Sysctl] = []
  ) {
    self.rules = rules
    self.tables = tables
    self.nftables = nftables
    self.sysctls = sysctls
  }

  /// What teardown leaves.
  public static let nothing = DesiredState()
}

/// The link of the configured ZeroTier network.
public struct Tunnel: Hashable, Sendable {
  public let name: InterfaceName
  public let index: InterfaceIndex
  /// The kernel takes routes through it.
  public let isUp: Bool

  public init(_ link: Link) {
    name = link.name
    index = link.index
    isUp = link.isUp
  }
}
