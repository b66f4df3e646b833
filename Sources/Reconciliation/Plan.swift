import Model

/// The operations that turn what was observed into what is desired, in the order in which they may be done:
/// whatever closes comes before whatever opens, and new state goes in before old state goes out.
public struct Plan: Sendable {
  public struct Step: Sendable {
    public let stage: Stage
    public let operation: Operation
  }

  /// The order. Every prefix of a plan leaves the host as closed as it was, or more.
  public enum Stage: Int, Comparable, Sendable, CaseIterable {
    case installGuard
    /// Routes that drop, and exceptions to them.
    case addRoutes
    /// Routes in the agent's tables that carry traffic where it shall not go.
    case evictRoutes
    case addRules
    case setSysctls
    case openTunnel
    case deleteRules
    case deleteRoutes
    case removeGuard

    public static func < (a: Stage, b: Stage) -> Bool { a.rawValue < b.rawValue }
  }

  /// Whether the plan is for the process that holds the nftables table, or for one that only looks on.
  public enum Viewpoint: Sendable {
    case holder(NftablesOwnership)
    case onlooker
  }

  public private(set) var steps: [Step] = []

  /// In the order of their stages.
  public init(steps: [Step]) { self.steps = steps }

  /// Both, this one first.
  public func followed(by other: Plan) -> Plan { Plan(steps: steps + other.steps) }

  public var isEmpty: Bool { steps.isEmpty }

  /// Without what would be good to have only.
  public var withoutWishes: Plan {
    var plan = self
    plan.steps.removeAll(where: \.operation.isWish)
    return plan
  }

  /// Plans for those domains that were observed; the others are left alone.
  public init(from observed: ObservedState, to desired: DesiredState, as viewpoint: Viewpoint) {
    if let nftables = observed.nftables {
      let claim = NftablesTransaction(claiming: nftables, for: desired.nftables, as: viewpoint)
      let transaction = NftablesTransaction(from: nftables, to: desired.nftables, as: viewpoint)
      for part in [claim, transaction] where !part.changes.isEmpty {
        add(desired.nftables == nil ? .removeGuard : .installGuard, .nftables(part))
      }
    }
    if let routes = observed.routes {
      planRoutes(routes, desired.tables(lookedAtIn: observed))
    }
    if let rules = observed.rules {
      planRules(rules, desired.rules.filter { observed.families.contains($0.family) })
    }
    if let sysctls = observed.sysctls {
      // A parameter that does not exist belongs to a link that is gone.
      for wanted in desired.sysctls where sysctls[wanted.key].map({ $0 != wanted.value }) ?? false {
        add(.setSysctls, .setSysctl(wanted))
      }
    }
    steps = steps.inOrder
  }

  private mutating func add(_ stage: Stage, _ operation: Operation) {
    steps.append(Step(stage: stage, operation: operation))
  }

  // MARK: Rules

  private mutating func planRules(_ observed: [ObservedRule], _ desired: [RoutingRule]) {
    var missing = desired
    for found in observed where found.rule.isOwned {
      if let index = missing.firstIndex(of: found.rule) {
        missing.remove(at: index)
      } else {
        add(.deleteRules, .deleteRule(found))
      }
    }
    for rule in missing { add(.addRules, .addRule(rule)) }
  }

  // MARK: Routes

  /// - Parameter desired: the tables with their routes of the families that were looked at.
  private mutating func planRoutes(_ observed: [ObservedRoute], _ desired: [RoutingTableID: [Route]]) {
    var found = Dictionary(grouping: observed, by: \.route.key)
    for (_, routes) in desired.sorted(by: { $0.key.rawValue > $1.key.rawValue }) {
      // From the second table to the first: what is fallen back on comes first. Within a table drops come first.
      for route in routes.sorted(by: { !$0.carriesTraffic && $1.carriesTraffic }) {
        plan(route, over: found.removeValue(forKey: route.key) ?? [])
      }
    }
    for route in found.values.joined() {
      // Another's route in a table that is no longer ours stays.
      guard desired[route.route.key.table] != nil || route.route.isOwned else { continue }
      // In a table that is still ours it goes at once. A former table serves until the new one does, but for a
      // teardown, which begins with the tunnel.
      let isUrgent = desired[route.route.key.table] != nil || desired.isEmpty
      add(isUrgent && route.route.carriesTraffic ? .evictRoutes : .deleteRoutes, .deleteRoute(route))
    }
  }

  /// The kernel keeps several routes with one key and uses the first.
  private mutating func plan(_ wanted: Route, over found: [ObservedRoute]) {
    let stage = wanted.stage
    if let place = found.firstIndex(where: { $0.route.value == wanted.value }) {
      for (index, other) in found.enumerated() where index != place { add(.evictRoutes, .deleteRoute(other)) }
      return
    }
    // Another's way out goes first, and does not wait for the tunnel to be opened; but one that leads where traffic
    // shall go serves until the agent's takes its place.
    let (rest, evicted) =
      wanted.carriesTraffic ? found.split { !$0.route.leadsAway(from: wanted) } : (found, [])
    for other in evicted { add(.evictRoutes, .deleteRoute(other)) }
    guard !rest.isEmpty else { return add(stage, .addRoute(wanted)) }
    // The first is replaced in place; the others may only go once it was.
    add(stage, .replaceRoute(wanted))
    for other in rest.dropFirst() { add(max(stage, .evictRoutes), .deleteRoute(other)) }
  }
}

extension [Plan.Step] {
  /// In the order of their stages; those of one stage stay as they are.
  var inOrder: [Plan.Step] {
    enumerated().sorted { ($0.element.stage, $0.offset) < ($1.element.stage, $1.offset) }.map(\.element)
  }
}

extension DesiredState {
  /// Those of the tables that were looked at, with what of them is of the families that were.
  fileprivate func tables(lookedAtIn observed: ObservedState) -> [RoutingTableID: [Route]] {
    let seen = tables.filter { observed.looksAt($0.key) }
    let families = observed.routeFamilies
    guard families != Set(AddressFamily.allCases) else { return seen }
    return seen.mapValues { $0.filter { families.contains($0.key.destination.family) } }
  }
}

extension Route {
  /// When it may be put into the kernel.
  var stage: Plan.Stage { carriesTraffic ? .openTunnel : .addRoutes }

  /// Another's route that carries traffic elsewhere than this one does.
  fileprivate func leadsAway(from wanted: Route) -> Bool {
    !isOwned && carriesTraffic && value.kind != wanted.value.kind
  }
}

extension [ObservedRoute] {
  /// Those that pass, and the others, each in their order.
  fileprivate func split(_ passes: (ObservedRoute) -> Bool) -> (
    passing: [ObservedRoute], others: [ObservedRoute]
  ) {
    (filter(passes), filter { !passes($0) })
  }
}

extension Plan {
  /// Of how many changes it consists.
  public var changes: Int {
    steps.reduce(0) { sum, step in
      if case .nftables(let transaction) = step.operation { sum + transaction.changes.count } else { sum + 1 }
    }
  }

  /// The plan's first steps.
  public func prefix(_ count: Int) -> Plan { Plan(steps: Array(steps.prefix(count))) }

  /// One line for each change, as `ip`, `nft` and `sysctl` take it.
  public func lines(naming name: (InterfaceIndex) -> String?) -> [String] {
    steps.flatMap { $0.operation.lines(naming: name) }
  }
}

extension Operation {
  public func lines(naming name: (InterfaceIndex) -> String?) -> [String] {
    switch self {
    case .nftables(let transaction): transaction.lines.map { "nft \($0.shellQuoted)" }
    case .addRoute(let route):
      [Self.ip(route.key.destination.family, "route add \(route.text(naming: name))")]
    case .replaceRoute(let route):
      [Self.ip(route.key.destination.family, "route replace \(route.text(naming: name))")]
    case .deleteRoute(let found):
      [Self.ip(found.route.key.destination.family, "route del \(found.route.text(naming: name))")]
    case .addRule(let rule): [Self.ip(rule.family, "rule add \(rule)")]
    case .deleteRule(let found): [Self.ip(found.rule.family, "rule del \(found.rule)")]
    case .setSysctl(let sysctl): ["sysctl -w " + "\(sysctl.key.name)=\(sysctl.value)".shellWord]
    }
  }

  private static func ip(_ family: AddressFamily, _ command: String) -> String {
    family == .ipv4 ? "ip \(command)" : "ip -6 \(command)"
  }

  /// The metrics' word for what is changed.
  public var kind: ObjectKind {
    switch self {
    case .nftables: .nftables
    case .addRoute, .replaceRoute, .deleteRoute: .route
    case .addRule, .deleteRule: .rule
    case .setSysctl: .sysctl
    }
  }
}

public enum ObjectKind: String, CaseIterable, Sendable { case rule, route, nftables, sysctl }
