import Configuration
import Model
import Reconciliation

/// What a former run of the agent left open, read from the kernel: a restart must not cut what flows. That run
/// opened it on a definite word from ZeroTier and answered probes, so it stays until either says otherwise.
struct Inheritance {
  let interface: InterfaceName
  /// The exits in use; empty on a cloud server.
  let exits: [String]

  /// nil: nothing was left open, or not as this configuration would have it.
  init?(_ configuration: AgentConfiguration, _ observed: ObservedState) {
    let links = observed.links ?? [:]
    switch configuration.role {
    case .gateway(let gateway):
      let opening = observed.routes?.first {
        $0.route.isOwned && $0.route.key.table == gateway.routingTable
          && $0.route.key.destination.isEverything
          && $0.route.carriesTraffic
      }
      guard case .unicast(let hops)? = opening?.route.value.kind, let hop = hops.first,
        let link = links[hop.interface], hops.allSatisfy({ $0.interface == hop.interface })
      else { return nil }
      interface = link.name
      exits = gateway.exits.filter { exit in hops.contains { $0.gateway == exit.address } }.map(\.name)
      if exits.isEmpty { return nil }
    case .cloud:
      guard case .present(let table)? = observed.nftables,
        let forward = table.chains.first(where: { $0.name == CloudChain.forward }),
        let name = forward.rules.lazy.compactMap(Self.tunnelName).first,
        links.values.contains(where: { $0.name == name })
      else { return nil }
      interface = name
      exits = []
    }
  }

  /// The link of `iifname "…" jump from_zerotier`.
  private static func tunnelName(_ rule: ObservedNftablesRule) -> InterfaceName? {
    guard rule.expressions.count == 3, rule.expressions[0] == .meta(.inputInterfaceName),
      case .compare(.equal, let padded) = rule.expressions[1],
      rule.expressions[2] == .verdict(.jump(CloudChain.fromZeroTier))
    else { return nil }
    return InterfaceName(String(decoding: padded.prefix { $0 != 0 }, as: UTF8.self))
  }
}
