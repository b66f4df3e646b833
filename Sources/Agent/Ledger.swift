import EventLoop
import Kernel
import Model
import Reconciliation
import Report
import ZeroTier

/// What the daemon remembers for its status and metrics alone; nothing here decides what the kernel shall hold.
struct Ledger {
  var counters: AgentCounters
  /// The netlink port that holds the agent's nftables table, if that is another's.
  var tableHolder: UInt32?
  /// Says when the following was, which is kept as times since the boot.
  var clock = WallClock()
  var startedAt = MonotonicTime.now.sinceBoot
  var phase = Phase.starting
  var phaseSince = MonotonicTime.now.sinceBoot
  var loadedAt = MonotonicTime.now.sinceBoot
  var errors: [KernelError] = []
  /// Why what would be good to have only could not be had.
  var unmet: [KernelError] = []
  /// A pass has ended with the kernel as desired.
  var isVerified = false
  var isInSync = false
  /// Traffic flows, as the kernel was last read.
  var isTunnelUp = false
  var objects: [ObjectKind: (desired: Int, observed: Int)] = [:]
  var foreignRules: [RoutingRule] = []
  var foreignRoutes: [Route] = []
  var missingSystemRules: [RoutingTableID] = []
  var forwardChains: [ForeignForwardChain] = []
  var opponents = Opponents()
  /// By exit.
  var healthSince: [String: (state: ExitHealth.State, since: Duration)] = [:]
  var guardDrops: [String: FollowedCounter] = [:]
  var gateways = SeenGateways(timeout: GatewaySet.timeout, limit: GatewaySet.limit)
  var loggedErrors: Set<String> = []
  var isReadyTold = false
  var statusLine = ""
  /// Phase and codes of its reasons, as they were last told to the log.
  var loggedPhase: [String] = []
  var isFightTold = false
  var isZeroTierAsked = false

  /// As they were last read: an event has those of one family read again, and of one table.
  private var rules: [AddressFamily: [RoutingRule]] = [:]
  private var routes: [RouteList: Int] = [:]
  /// The ruleset that was last verified.
  private var heldTable: NftablesTable?

  private struct RouteList: Hashable {
    let family: AddressFamily
    let table: RoutingTableID
  }

  init() {
    counters = AgentCounters(
      objectKinds: ObjectKind.allCases.map(\.rawValue), resyncCauses: PassCause.allCases.map(\.rawValue),
      apiErrorKinds: APIFailure.kinds)
  }

  mutating func note(_ outcome: Reconciler.Outcome) {
    errors = outcome.errors
    isInSync = outcome.isVerified
    if outcome.isVerified { isVerified = true }
    let seen = outcome.observed
    let wanted = outcome.desired
    if let rules = seen.rules {
      for family in seen.families { self.rules[family] = rules.map(\.rule).filter { $0.family == family } }
      let all = AddressFamily.allCases.flatMap { self.rules[$0] ?? [] }
      let possible = wanted.rules.filter { self.rules[$0.family] != nil }
      objects[.rule] = (possible.count, all.count(where: \.isOwned))
      review(all, wanted)
    }
    if let routes = seen.strangeLocals {
      foreignRoutes = wanted.routesAhead(among: routes, of: outcome.decision.tunnel?.index)
    }
    if let routes = seen.routes {
      self.routes = self.routes.filter { list, _ in
        // Of tables that are no more wanted nothing is kept but what was seen now.
        let isRead = seen.looksAt(list.table) || wanted.tables[list.table] == nil
        return !(isRead && seen.routeFamilies.contains(list.family))
      }
      for key in routes.lazy.map(\.route.key) {
        self.routes[RouteList(family: key.destination.family, table: key.table), default: 0] += 1
      }
      objects[.route] = (wanted.tables.values.map(\.count).reduce(0, +), self.routes.values.reduce(0, +))
      if seen.routeFamilies.contains(.ipv4), case .gateway(_, let gateway, _, _) = outcome.decision.policy,
        seen.looksAt(gateway.routingTable)
      {
        isTunnelUp =
          outcome.decision.isOpen
          && (Self.isOpen(routes, wanted.tables[gateway.routingTable] ?? [])
            || isTunnelUp && !outcome.isVerified && isStillOpen(routes))
      }
    }
    if let nftables = seen.nftables {
      tableHolder = nftables.foreignHolder
      objects[.nftables] = (wanted.nftables?.objectCount ?? 0, nftables.objectCount)
    }
    if outcome.isVerified { heldTable = wanted.nftables }
    // There is no route to look for: the ruleset is what opens, and it was verified whole.
    if case .cloud = outcome.decision.policy {
      isTunnelUp =
        outcome.decision.isOpen
        && (outcome.isVerified || isTunnelUp && stillForwards(seen, wanted))
    }
    if let sysctls = seen.sysctls {
      unmet = outcome.unmet
      objects[.sysctl] = (wanted.sysctls.count, wanted.sysctls.filter { sysctls[$0.key] == $0.value }.count)
    }
  }

  /// The tunnel's default is among the routes that were read.
  private static func isOpen(_ routes: [ObservedRoute], _ desired: [Route]) -> Bool {
    let opening = desired.filter { $0.carriesTraffic && $0.key.destination.isEverything }
    return !opening.isEmpty && opening.allSatisfy { wanted in routes.contains { $0.route == wanted } }
  }

  /// What is wanted instead could not be had: a former default is there, with a rule that leads to it.
  private func isStillOpen(_ routes: [ObservedRoute]) -> Bool {
    // Those of marked packets are for checks of exits alone.
    let leading = (rules[.ipv4] ?? []).filter {
      $0.isOwned && $0.selector.mark == nil && $0.selector.source != nil
    }
    let tables = Set(leading.compactMap(\.action.table))
    return routes.map(\.route).contains {
      $0.isOwned && $0.carriesTraffic && $0.key.destination.isEverything && tables.contains($0.key.table)
    }
  }

  /// A cloud server's ruleset is the one that is wanted, or the last one that was verified, since it is changed whole or
  /// not at all; and no parameter is in the way.
  private func stillForwards(_ seen: ObservedState, _ wanted: DesiredState) -> Bool {
    var table = ObservedState()
    table.nftables = seen.nftables
    let stands = [wanted.nftables, heldTable].contains {
      $0 != nil && Plan(from: table, to: DesiredState(nftables: $0), as: .onlooker).isEmpty
    }
    let parameters = wanted.sysctls.filter { !$0.key.isWish }
    return stands && parameters.allSatisfy { (seen.sysctls?[$0.key] ?? $0.value) == $0.value }
  }

  /// Rules of others that are asked before ours, and the system's own that are gone.
  private mutating func review(_ rules: [RoutingRule], _ desired: DesiredState) {
    foreignRules = desired.rulesAhead(among: rules)
    missingSystemRules = [RoutingTableID.main, .default].filter { table in
      !rules.contains { $0.family == .ipv4 && $0.action == .lookup(table) }
    }
  }

  /// Notes the phase and keeps since when it holds.
  mutating func enter(_ phase: Phase, at now: Duration) {
    guard phase != self.phase else { return }
    self.phase = phase
    phaseSince = now
  }
}

extension NftablesTable {
  var objectCount: Int {
    1 + sets.count + dynamicSets.count + counters.count + chains.count
      + chains.map(\.rules.count).reduce(0, +)
  }
}

extension ObservedNftables {
  /// Nobody else can change it.
  var isOurs: Bool { if case .present(let table) = self { table.ownership == .ours } else { false } }

  var foreignHolder: UInt32? {
    if case .present(let table) = self, case .another(let port) = table.ownership { port } else { nil }
  }

  var objectCount: Int {
    guard case .present(let table) = self else { return 0 }
    return 1 + table.sets.count + table.counters.count + table.chains.count
      + table.chains.map(\.rules.count).reduce(0, +) + table.foreignObjects.count
  }
}
