import Configuration
import Model

/// What a gateway lets through. docs/fail-closed.md goes through these states one by one.
public enum GatewayPolicy: Equatable, Sendable {
  /// The egress IP reaches the excluded CIDRs and, over a tunnel that is there, the exits themselves, so that
  /// they can be probed. Everything else is dropped.
  case closed(tunnel: Tunnel?)
  /// As closed, and what is left goes to these exits, at least one; each flow to one of them.
  case open([Exit], tunnel: Tunnel)

  public var tunnel: Tunnel? {
    switch self {
    case .closed(let tunnel): tunnel
    case .open(_, let tunnel): tunnel
    }
  }
}

extension DesiredState {
  /// The two tables, the rules in front of them, and the guard behind them. No single one of these objects is
  /// needed to keep a packet from the uplink: each stands behind another.
  ///
  /// - Parameters:
  ///   - networks: those that the tunnel's link is in, or was in, as its addresses and ZeroTier say.
  ///   - onLink: of the IPv6 ones those that the link has an address in now: without any, it takes no route.
  public init(
    _ policy: GatewayPolicy, _ gateway: GatewaySettings, network: ZeroTierNetworkID, networks: [CIDR] = [],
    onLink: [CIDR] = []
  ) {
    let table = gateway.routingTable
    // As few as there can be for exactly these addresses.
    let exceptions = gateway.excludedCIDRs.aggregated()
    let guarded = (network.ipv6Prefixes + networks).filter { $0.family == .ipv6 }.withoutContained()
    self.init(
      rules: gateway.rules(policy) + gateway.rules(guardingIPv6: guarded),
      tables: [
        table: gateway.tunnelRoutes(policy, networks, besides: exceptions)
          + gateway.tunnelRoutesIPv6(policy, onLink),
        table.next: gateway.fallbackRoutes(besides: exceptions),
      ]
      .merging(gateway.checkTables(policy.tunnel)) { first, _ in first },
      nftables: gateway.guardTable(policy, guardedIPv6: guarded),
      sysctls: [Sysctl(.ipv4Forwarding, 1)] + (policy.tunnel.map { gateway.sysctls($0) } ?? []))
  }
}

extension GatewaySettings {
  /// 2, loose: replies come from anywhere in the Internet. The larger of this and `all` counts.
  fileprivate func sysctls(_ tunnel: Tunnel) -> [Sysctl] {
    [Sysctl(.linkForwarding(tunnel.name), 1), Sysctl(.reversePathFilter(tunnel.name), 2)]
      + (probe.isEndToEnd ? [Sysctl(.markedReversePath(tunnel.name), 1)] : [])
  }

  /// ip rule show
  fileprivate func rules(_ policy: GatewayPolicy) -> [RoutingRule] {
    let source = RoutingRule.Selector(source: CIDR(egressIP))
    var lookups = checkedExits.map { check in
      (
        RoutingRule.Selector(
          source: CIDR(egressIP), inputInterface: .loopback, mark: .init(value: check.mark, mask: .max)),
        check.table
      )
    }
    lookups += [(source, routingTable), (source, routingTable.next)]
    if let tunnel = policy.tunnel {
      // For lookups that name the link instead of the source: Cilium's `interface:` policies.
      lookups.append((RoutingRule.Selector(outputInterface: tunnel.name), routingTable))
    }
    return lookups.enumerated().map { place, lookup in rule(UInt32(place), lookup.0, lookup.1) }
  }

  private func rule(_ place: UInt32, _ selector: RoutingRule.Selector, _ table: RoutingTableID) -> RoutingRule
  {
    RoutingRule(
      family: egressIP.family, priority: rulePriority.advanced(by: place), selector: selector,
      action: .lookup(table))
  }

  /// ip -6 rule show. This network's IPv6 addresses reach the network itself; what table T has no route for, or all
  /// of it when the link is gone, is dropped by either of two rules.
  fileprivate func rules(guardingIPv6 networks: [CIDR]) -> [RoutingRule] {
    let actions: [RoutingRule.Action] = [.lookup(routingTable), whenDown.action, whenDown.action]
    return actions.enumerated().flatMap { place, action in
      networks.map {
        RoutingRule(
          family: .ipv6, priority: rulePriority.advanced(by: UInt32(place)), selector: .init(source: $0),
          action: action)
      }
    }
  }

  /// ip -6 route show table T
  fileprivate func tunnelRoutesIPv6(_ policy: GatewayPolicy, _ onLink: [CIDR]) -> [Route] {
    guard let tunnel = policy.tunnel, tunnel.isUp else { return [] }
    return onLink.withoutContained().map {
      route($0, .onLink(tunnel.index), in: routingTable, metric: .standardIPv6)
    }
  }

  /// ip route show table T. When link or address goes, the kernel takes the routes through it and leaves the
  /// rest: what has no exception falls into the default that drops.
  fileprivate func tunnelRoutes(
    _ policy: GatewayPolicy, _ networks: [CIDR], besides exceptions: [CIDR]
  ) -> [Route] {
    var routes = throwing(exceptions, in: routingTable)
    if let tunnel = policy.tunnel, tunnel.isUp {
      routes += exits.map { route(CIDR($0.address), .onLink(tunnel.index), in: routingTable) }
      // Where no exception has the ZeroTier network, this node still answers its other members through the tunnel.
      let own = networks.filter { own in
        own.family == egressIP.family && !exceptions.contains { $0.contains(own) }
          && !exits.contains { CIDR($0.address) == own }
      }
      routes += own.withoutContained().map { route($0, .onLink(tunnel.index), in: routingTable) }
    }
    if case .open(let usable, let tunnel) = policy, !usable.isEmpty {
      let hops = FlowShares.hops(exits, usable: usable).map {
        Route.NextHop(gateway: $0.exit.address, interface: tunnel.index, weight: $0.weight)
      }
      // A single hop has no share.
      let kind: Route.Kind =
        usable.count == 1 ? .gateway(usable[0].address, via: tunnel.index) : .unicast(hops)
      routes.append(route(everything, kind, in: routingTable))
    }
    return routes + [route(everything, whenDown.kind, in: routingTable, metric: .last)]
  }

  /// ip route show table T+1. It needs no link, so nothing but a command can take it away. An exit is dropped
  /// here, else a packet to it would follow an exception to the uplink once its link is gone.
  fileprivate func fallbackRoutes(besides exceptions: [CIDR]) -> [Route] {
    let table = routingTable.next
    return throwing(exceptions, in: table) + exits.map { route(CIDR($0.address), whenDown.kind, in: table) }
      + [route(everything, whenDown.kind, in: table)]
  }

  /// ip route show table 14700 and on. Through each exit, whether it carries traffic or not, for the agent's own
  /// end-to-end checks alone: only a socket of this host with the egress IP and the mark gets here.
  fileprivate func checkTables(_ tunnel: Tunnel?) -> [RoutingTableID: [Route]] {
    var tables: [RoutingTableID: [Route]] = [:]
    for check in checkedExits {
      var routes = [route(everything, whenDown.kind, in: check.table, metric: .last)]
      if let tunnel, tunnel.isUp {
        routes.append(route(everything, .gateway(check.exit.address, via: tunnel.index), in: check.table))
      }
      tables[check.table] = routes
    }
    return tables
  }

  private func throwing(_ networks: [CIDR], in table: RoutingTableID) -> [Route] {
    networks.map { route($0, .throwToNextRule, in: table) }
  }

  private var everything: CIDR { .everything(egressIP.family) }

  private func route(
    _ destination: CIDR, _ kind: Route.Kind, in table: RoutingTableID, metric: RouteMetric = .first
  ) -> Route {
    Route(Route.Key(table: table, destination: destination, metric: metric), Route.Value(kind))
  }
}

extension GatewaySettings {
  /// An exit's own way for end-to-end checks.
  public struct CheckedExit: Equatable, Sendable {
    public let exit: Exit
    public let table: RoutingTableID
    /// Of the check's sockets (`SO_MARK`).
    public let mark: UInt32
  }

  /// The first exit's mark. Of the top eight bits and the lowest six, clear of what others look for with their masks:
  /// Cilium 0xf00, kube-proxy 0xc000, Tailscale 0xff0000, AWS's network plugin 0x80.
  private static let firstCheckMark: UInt32 = 0x6c00_0000

  /// Empty where the configuration asks exits for their own answer alone.
  public var checkedExits: [CheckedExit] {
    guard probe.isEndToEnd else { return [] }
    return exits.enumerated().map { place, exit in
      CheckedExit(
        exit: exit, table: RoutingTableID(rawValue: Self.checkTables.lowerBound + UInt32(place)),
        mark: Self.firstCheckMark + UInt32(place))
    }
  }
}

extension WhenDown {
  var kind: Route.Kind {
    switch self {
    case .blackhole: .blackhole
    case .unreachable: .unreachable
    case .prohibit: .prohibit
    }
  }

  fileprivate var action: RoutingRule.Action {
    switch self {
    case .blackhole: .blackhole
    case .unreachable: .unreachable
    case .prohibit: .prohibit
    }
  }
}
