import Configuration
import Model
import Reconciliation
import Testing

/// A kernel in memory, for what a real one does not do on demand: failing at a chosen operation.
struct ModelKernel {
  var rules: [RoutingRule] = []
  var routes: [Route] = []
  var nftables: NftablesTable?
  var sysctls: [Sysctl.Key: Int] = [.ipv4Forwarding: 0]
  var families = Set(AddressFamily.allCases)

  var observed: ObservedState {
    var state = ObservedState()
    state.rules = rules.map { ObservedRule($0, dump: []) }
    state.routes = routes.map { ObservedRoute($0, dump: []) }
    state.nftables = nftables.map { .present(Self.observe($0)) } ?? .absent
    state.sysctls = sysctls
    state.families = families
    return state
  }

  private static func observe(_ table: NftablesTable) -> ObservedNftablesTable {
    var found = ObservedNftablesTable(ownership: .ours, comment: table.comment)
    for set in table.sets { found.sets[set.name] = ObservedSet(set) }
    for set in table.dynamicSets { found.sets[set.name] = ObservedSet(set) }
    for name in table.counters { found.counters[name] = (0, 0) }
    found.chains = table.chains.map { chain in
      ObservedChain(
        chain.name, hook: chain.hook,
        rules: chain.rules.map {
          ObservedNftablesRule(handle: 1, expressions: $0.expressions, comment: $0.comment)
        })
    }
    return found
  }

  mutating func apply(_ operation: Operation, _ desired: DesiredState) {
    switch operation {
    case .nftables: nftables = desired.nftables  // All or nothing.
    case .addRoute(let route): routes.append(route)
    case .replaceRoute(let route):
      if let index = routes.firstIndex(where: { $0.key == route.key }) { routes[index] = route }
    case .deleteRoute(let found): routes.removeAll { $0 == found.route }
    case .addRule(let rule): rules.append(rule)
    case .deleteRule(let found):
      if let index = rules.firstIndex(of: found.rule) { rules.remove(at: index) }
    case .setSysctl(let sysctl): sysctls[sysctl.key] = sysctl.value
    }
  }

  /// Where a packet from that address to the Internet goes by the rules and tables of this model.
  func fate(from source: IPAddress) -> Fate {
    for rule in rules.sorted(by: { $0.priority < $1.priority }) where rule.mayMatch(source: source) {
      guard rule.selector.outputInterface == nil else { continue }
      guard case .lookup(let table) = rule.action else { return .dropped }
      let candidates = routes.filter {
        $0.key.table == table && $0.key.destination == .everything(source.family)
      }
      guard let best = candidates.min(by: { $0.key.metric < $1.key.metric }) else { continue }
      switch best.value.kind {
      case .unicast(let hops): return .link(hops[0].interface)
      case .throwToNextRule: continue
      case .blackhole, .unreachable, .prohibit, .other: return .dropped
      }
    }
    return .uplink
  }

  enum Fate: Equatable {
    case dropped, uplink
    case link(InterfaceIndex)
  }
}

enum Examples {
  static let network = ZeroTierNetworkID(rawValue: 0x33ff_eb83_8b00_0001)
  static let tunnel = Tunnel(
    Link(index: InterfaceIndex(rawValue: 7), name: InterfaceName("zt0")!, isUp: true, mtu: 2800))

  static func gateway(
    table: UInt32 = 100, priority: UInt32 = 150, egressIP: String = "10.147.17.1"
  ) throws -> GatewaySettings {
    GatewaySettings(
      egressIP: IPAddress(egressIP)!,
      exits: ["10.147.17.2", "10.147.17.3"].map {
        Exit(name: "cloud-\($0.suffix(1))", address: IPAddress($0)!)
      },
      excludedCIDRs: try ["10.0.0.0/8", "192.168.0.0/16"].map { try CIDR(parsing: $0) },
      routingTable: RoutingTableID(rawValue: table), rulePriority: RulePriority(rawValue: priority),
      whenDown: .blackhole, probe: ProbeSettings())
  }

  static func open(_ gateway: GatewaySettings, exit: Int = 0) -> DesiredState {
    DesiredState(.open([gateway.exits[exit]], tunnel: tunnel), gateway, network: network)
  }

  /// What one state turns into another: name, before, after.
  static func transitions() throws -> [(name: String, before: DesiredState, after: DesiredState)] {
    let plain = try gateway()
    let closed = DesiredState(.closed(tunnel: tunnel), plain, network: network)
    return [
      ("first start", .nothing, open(plain)),
      ("first start without a tunnel", .nothing, DesiredState(.closed(tunnel: nil), plain, network: network)),
      ("opening", closed, open(plain)),
      ("closing", open(plain), closed),
      ("switching exits", open(plain), open(plain, exit: 1)),
      ("another table", open(plain), open(try gateway(table: 200))),
      ("a table that overlaps", open(plain), open(try gateway(table: 101))),
      ("another priority", open(plain), open(try gateway(priority: 160))),
      ("overlapping priorities", open(plain), open(try gateway(priority: 151))),
      ("teardown", open(plain), .nothing),
    ]
  }
}

@Suite("Plans")
struct PlanTests {
  private func kernel(holding state: DesiredState) -> ModelKernel {
    var kernel = ModelKernel()
    run(Plan(from: kernel.observed, to: state, as: .holder(.exclusive)), on: &kernel, state)
    return kernel
  }

  private func run(
    _ plan: Plan, on kernel: inout ModelKernel, _ desired: DesiredState, upTo count: Int = .max
  ) {
    for step in plan.steps.prefix(count) { kernel.apply(step.operation, desired) }
  }

  @Test("applying and then planning again gives nothing")
  func idempotent() throws {
    for (name, before, after) in try Examples.transitions() {
      var kernel = kernel(holding: before)
      run(Plan(from: kernel.observed, to: after, as: .holder(.exclusive)), on: &kernel, after)
      let rest = Plan(from: kernel.observed, to: after, as: .holder(.exclusive)).lines { _ in nil }
      #expect(rest == [], "\(name)")
    }
  }

  @Test("a plan cut off after any operation leaves nothing open, and the next one ends it")
  func prefixes() throws {
    let sources = ["10.147.17.1", "fd33:ffeb:838b:0:199:93a5:23cc:24a1"].compactMap { IPAddress($0) }
    for (name, before, after) in try Examples.transitions() {
      let start = kernel(holding: before)
      let plan = Plan(from: start.observed, to: after, as: .holder(.exclusive))
      let isGuarded = !before.rules.isEmpty && !after.rules.isEmpty
      for count in 0...plan.steps.count {
        var kernel = start
        run(plan, on: &kernel, after, upTo: count)
        for source in sources where isGuarded {
          #expect(kernel.fate(from: source) != .uplink, "\(source), \(name), after \(count) operations")
        }
        run(Plan(from: kernel.observed, to: after, as: .holder(.exclusive)), on: &kernel, after)
        #expect(
          Plan(from: kernel.observed, to: after, as: .holder(.exclusive)).isEmpty, "\(name), after \(count)")
      }
    }
  }

  @Test("the guard goes in before anything else and comes out last")
  func guardOrder() throws {
    let opening = Plan(
      from: ModelKernel().observed, to: Examples.open(try Examples.gateway()), as: .holder(.exclusive))
    #expect(opening.steps.first?.stage == .installGuard)
    #expect(opening.steps.last?.stage == .openTunnel)
    let closing = Plan(
      from: kernel(holding: Examples.open(try Examples.gateway())).observed, to: .nothing,
      as: .holder(.exclusive))
    #expect(closing.steps.first?.stage == .evictRoutes)
    #expect(closing.steps.last?.stage == .removeGuard)
  }

  @Test("a kernel without IPv6 gets no rule against it")
  func withoutIPv6() throws {
    let desired = Examples.open(try Examples.gateway())
    var kernel = ModelKernel()
    kernel.families = [.ipv4]
    let plan = Plan(from: kernel.observed, to: desired, as: .holder(.exclusive))
    run(plan, on: &kernel, desired)
    #expect(!kernel.rules.isEmpty && kernel.rules.allSatisfy { $0.family == .ipv4 })
    #expect(Plan(from: kernel.observed, to: desired, as: .holder(.exclusive)).isEmpty)
  }

  @Test("what carries no mark of the agent's is left alone, but for routes in its own tables")
  func foreign() throws {
    let gateway = try Examples.gateway()
    let desired = Examples.open(gateway)
    var kernel = kernel(holding: desired)
    kernel.rules.append(
      RoutingRule(
        family: .ipv4, priority: RulePriority(rawValue: 10), selector: .init(), action: .lookup(.main),
        origin: .boot))
    let uplink = Route.Value(.onLink(InterfaceIndex(rawValue: 2)), origin: .boot)
    let elsewhere = Route(.init(table: RoutingTableID(rawValue: 77), destination: .everything(.ipv4)), uplink)
    let inOurs = Route(
      .init(table: gateway.routingTable, destination: try CIDR(parsing: "0.0.0.0/1")), uplink)
    kernel.routes += [elsewhere, inOurs]
    let lines = Plan(from: kernel.observed, to: desired, as: .holder(.exclusive)).lines { _ in "uplink0" }
    #expect(lines == ["ip route del 0.0.0.0/1 dev uplink0 table 100 proto boot"])
  }

  @Test("a route prepended at the agent's own metric is removed, and one that took its place goes first")
  func prepended() throws {
    let gateway = try Examples.gateway()
    let desired = Examples.open(gateway)
    let start = kernel(holding: desired)
    let key = Route.Key(table: gateway.routingTable, destination: .everything(.ipv4))
    let foreign = Route(key, .init(.onLink(InterfaceIndex(rawValue: 2)), origin: .boot))
    var prepended = start
    prepended.routes.insert(foreign, at: 0)
    #expect(
      Plan(from: prepended.observed, to: desired, as: .holder(.exclusive)).lines { _ in "x" }
        == ["ip route del default dev x table 100 proto boot"])
    var replaced = start
    replaced.routes.removeAll { $0.key == key }
    replaced.routes.append(foreign)
    #expect(
      Plan(from: replaced.observed, to: desired, as: .holder(.exclusive)).lines { _ in "zt0" }
        == [
          "ip route del default dev zt0 table 100 proto boot",
          "ip route add default via 10.147.17.2 dev zt0 table 100 proto liteboxd",
        ])
  }

  /// The plan's recipe, as `ip` leaves it: a rule at 100, throws and a default, without the agent's mark.
  private func recipe(_ gateway: GatewaySettings, exit: String) -> ModelKernel {
    var kernel = ModelKernel()
    kernel.rules = [
      RoutingRule(
        family: .ipv4, priority: RulePriority(rawValue: 100), selector: .init(source: CIDR(gateway.egressIP)),
        action: .lookup(gateway.routingTable), origin: .boot)
    ]
    let kinds: [(CIDR, Route.Kind)] =
      gateway.excludedCIDRs.map { ($0, .throwToNextRule) }
      + [(.everything(.ipv4), .gateway(IPAddress(exit)!, via: Examples.tunnel.index))]
    kernel.routes = kinds.map { destination, kind in
      Route(.init(table: gateway.routingTable, destination: destination), .init(kind, origin: .boot))
    }
    return kernel
  }

  @Test("another's route that is the same but for its mark serves until the agent's takes its place")
  func sameRoute() throws {
    let gateway = try Examples.gateway()
    let desired = Examples.open(gateway)
    let start = recipe(gateway, exit: "10.147.17.2")
    let plan = Plan(from: start.observed, to: desired, as: .holder(.exclusive))
    for count in 0...plan.steps.count {
      var kernel = start
      run(plan, on: &kernel, desired, upTo: count)
      #expect(
        kernel.fate(from: gateway.egressIP) == .link(Examples.tunnel.index), "after \(count) operations")
    }
    var done = start
    run(plan, on: &done, desired)
    #expect(Plan(from: done.observed, to: desired, as: .holder(.exclusive)).isEmpty)
    #expect(!done.routes.contains { !$0.isOwned })
  }

  @Test("of another's routes with one key only those that lead elsewhere go first")
  func mixedRoutes() throws {
    let gateway = try Examples.gateway()
    var kernel = recipe(gateway, exit: "10.147.17.2")
    let key = Route.Key(table: gateway.routingTable, destination: .everything(.ipv4))
    kernel.routes.insert(Route(key, .init(.onLink(InterfaceIndex(rawValue: 2)), origin: .boot)), at: 0)
    let lines = Plan(from: kernel.observed, to: Examples.open(gateway), as: .holder(.exclusive)).lines {
      $0 == Examples.tunnel.index ? "zt0" : "uplink0"
    }
    let wanted = [
      "ip route del default dev uplink0 table 100 proto boot",
      "ip route replace default via 10.147.17.2 dev zt0 table 100 proto liteboxd",
    ]
    #expect(lines.filter(wanted.contains) == wanted)
    // To another exit than the one wanted it is another's way out.
    let other = recipe(gateway, exit: "10.147.17.3")
    let replaced = Plan(from: other.observed, to: Examples.open(gateway), as: .holder(.exclusive)).lines {
      _ in "zt0"
    }
    #expect(replaced.contains("ip route del default via 10.147.17.3 dev zt0 table 100 proto boot"))
  }

  @Test("a switch of exits replaces the default in place and changes nothing else")
  func exitSwitch() throws {
    let gateway = try Examples.gateway()
    let plan = Plan(
      from: kernel(holding: Examples.open(gateway)).observed, to: Examples.open(gateway, exit: 1),
      as: .holder(.exclusive))
    #expect(
      plan.lines { _ in "zt0" } == [
        "ip route replace default via 10.147.17.3 dev zt0 table 100 proto liteboxd"
      ])
  }
}
