import Model

extension DesiredState {
  /// Rules of others that are asked before the agent's own about what those are for, and may answer otherwise.
  public func rulesAhead(among observed: [RoutingRule]) -> [RoutingRule] {
    let own = rules.filter { $0.selector.source != nil }
    return observed.filter { rule in
      !rule.isOwned && rule.action != .lookup(.local) && !Self.isRepetition(rule, of: own)
        && own.contains { mine in
          mine.selector.source.map { rule.mayMatch(source: $0.address) } ?? false
            && rule.priority <= mine.priority
        }
    }
  }

  /// It says what one of ours says, and none of ours that says something else comes between the two.
  private static func isRepetition(_ rule: RoutingRule, of own: [RoutingRule]) -> Bool {
    own.contains { mine in
      (mine.family, mine.selector, mine.action) == (rule.family, rule.selector, rule.action)
        && !own.contains { (rule.priority..<max(rule.priority, mine.priority)).contains($0.priority) }
    }
  }

  /// Unicast routes in the system's table `local`: it is asked before all rules, and by them what the agent's own
  /// tables are for would go elsewhere.
  public func routesAhead(among strangeLocals: [Route], of tunnel: InterfaceIndex?) -> [Route] {
    guard rules.contains(where: { $0.family == .ipv4 && $0.selector.source != nil }) else { return [] }
    let excluded = tables.values.joined().filter { $0.value.kind == .throwToNextRule }.map(\.key.destination)
    return strangeLocals.filter { route in
      guard case .unicast(let hops) = route.value.kind else { return false }
      return !hops.allSatisfy { $0.interface == tunnel }
        && !excluded.contains { $0.contains(route.key.destination) }
    }
  }
}
