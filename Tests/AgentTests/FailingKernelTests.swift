import Configuration
import Kernel
import Model
import Reconciliation
import Testing

@testable import Agent

/// A kernel in memory that refuses what it is told to refuse.
private final class FailingKernel: KernelAccess {
  enum Refusal: Error {
    case operation(Int)
    case domain(Domains)
  }

  var rules: [RoutingRule] = []
  var routes: [Route] = []
  var nftables: NftablesTable?
  var sysctls: [Sysctl.Key: Int] = [.ipv4Forwarding: 0]
  /// What the whole table shall be once a transaction commits.
  var wanted: DesiredState = .nothing
  /// Counts down with each operation; the one at 0 is refused.
  var countdown: Int?
  var refusesAll = false
  var unreadable: Domains = []
  var tellsOwnership = true
  var unwritable: Set<Sysctl.Key> = []
  private(set) var applied = 0
  private(set) var observed = 0

  var state: ObservedState {
    var state = ObservedState()
    state.sysctls = sysctls
    return state
  }

  func observe(_ question: Question) throws(KernelError) -> ObservedState {
    if !question.domains.isDisjoint(with: unreadable) {
      throw KernelError("reading", .system(call: "test", .init(rawValue: 95)))
    }
    observed += 1
    var state = ObservedState()
    if question.domains.contains(.rulesIPv4) { state.rules = rules.map { ObservedRule($0, dump: []) } }
    if question.domains.contains(.routesIPv4) { state.routes = routes.map { ObservedRoute($0, dump: []) } }
    if question.domains.contains(.sysctls) { state.sysctls = sysctls }
    if question.domains.contains(.nftables) {
      state.nftables = nftables.map { .present(Self.observe($0)) } ?? .absent
    }
    return state
  }

  func tableOwnership() throws(KernelError) -> NftablesOwnership {
    guard tellsOwnership else { throw KernelError("trying", .refused(.init(rawValue: 12), nil)) }
    return .exclusive
  }

  private static func observe(_ table: NftablesTable) -> ObservedNftablesTable {
    var found = ObservedNftablesTable(ownership: .ours, comment: table.comment)
    for set in table.sets { found.sets[set.name] = ObservedSet(set) }
    for set in table.dynamicSets { found.sets[set.name] = ObservedSet(set) }
    for name in table.counters { found.counters[name] = (0, 0) }
    found.chains = table.chains.map { chain in
      let rules = chain.rules.map {
        ObservedNftablesRule(handle: 1, expressions: $0.expressions, comment: $0.comment)
      }
      return ObservedChain(chain.name, hook: chain.hook, rules: rules)
    }
    return found
  }

  func apply(_ operation: Operation) throws(KernelError) {
    defer { applied += 1 }
    if refusesAll { throw KernelError("applying", .refused(.init(rawValue: 12), nil)) }
    if let left = countdown {
      countdown = left - 1
      if left == 0 { throw KernelError("applying", .refused(.init(rawValue: 12), nil)) }
    }
    switch operation {
    case .nftables: nftables = wanted.nftables
    case .addRoute(let route): routes.append(route)
    case .replaceRoute(let route):
      if let index = routes.firstIndex(where: { $0.key == route.key }) { routes[index] = route }
    case .deleteRoute(let found): routes.removeAll { $0 == found.route }
    case .addRule(let rule): rules.append(rule)
    case .deleteRule(let found): rules.removeAll { $0 == found.rule }
    case .setSysctl(let sysctl):
      if unwritable.contains(sysctl.key) {
        throw KernelError("setting \(sysctl.key.name)", .system(call: "open", .init(rawValue: 30)))
      }
      sysctls[sysctl.key] = sysctl.value
    }
  }

  /// Traffic flows through the tunnel.
  var isOpen: Bool { routes.contains { $0.carriesTraffic && $0.key.destination.isEverything } }
}

@Suite("A kernel that refuses")
struct FailingKernelTests {
  private func decision() throws -> Decision {
    let gateway = GatewaySettings(
      egressIP: try #require(IPAddress("10.147.17.1")),
      exits: [Exit(name: "cloud-a", address: try #require(IPAddress("10.147.17.2")))])
    let network = ZeroTierNetworkID(rawValue: 0x33ff_eb83_8b00_0001)
    let configuration = AgentConfiguration(
      role: .gateway(gateway), zerotier: ZeroTierSettings(networkID: network))
    var situation = Situation()
    let link = Link(
      index: InterfaceIndex(rawValue: 7), name: try #require(InterfaceName("zt0")), isUp: true, mtu: 2800)
    situation.links = [link.index: link]
    situation.addresses = [
      InterfaceAddress(interface: link.index, address: gateway.egressIP, prefixLength: 24)
    ]
    situation.word = .ok
    situation.reportedInterface = link.name
    situation.choice = ExitChoice(active: ["cloud-a"])
    situation.health = ["cloud-a": ExitHealth(ProbeSettings())]
    let decision = Decision(configuration, situation)
    #expect(decision.isOpen)
    return decision
  }

  private func pass(_ kernel: FailingKernel, _ decision: Decision) -> Reconciler.Outcome {
    kernel.wanted = decision.desired
    return Reconciler(kernel, as: .holder)
      .reconcile(.all, to: decision, previous: nil, errors: [])
  }

  @Test("an operation at any place leaves traffic blocked, and the next pass converges")
  func anyOperation() throws {
    let decision = try decision()
    let whole = FailingKernel()
    #expect(pass(whole, decision).isVerified && whole.isOpen)
    for place in 0..<whole.applied {
      let kernel = FailingKernel()
      kernel.countdown = place
      let outcome = pass(kernel, decision)
      #expect(!outcome.isVerified && outcome.errors.count == 1)
      #expect(!kernel.isOpen, "refused at \(place)")
      kernel.countdown = nil
      #expect(pass(kernel, decision).isVerified && kernel.isOpen, "after \(place)")
    }
  }

  @Test(
    "a part that cannot be read is as closed as it can be: the others are installed, and nothing opens",
    arguments: [Domains.nftables, .rules, .routes, .sysctls])
  func unreadable(_ domain: Domains) throws {
    let kernel = FailingKernel()
    kernel.unreadable = domain
    let outcome = pass(kernel, try decision())
    #expect(!outcome.isVerified && !kernel.isOpen)
    #expect(domain == .rules || kernel.rules.count { $0.family == .ipv4 } == 3)
    #expect(domain == .routes || kernel.routes.count > 10)
    #expect(domain == .nftables || kernel.nftables != nil)
    kernel.unreadable = []
    #expect(pass(kernel, try decision()).isVerified && kernel.isOpen)
  }

  @Test(
    "one that does not say how tables can be held gets the rules and routes, and no traffic flows until it does"
  )
  func untoldOwnership() throws {
    let kernel = FailingKernel()
    kernel.tellsOwnership = false
    let decision = try decision()
    let reconciler = Reconciler(kernel, as: .holder)
    kernel.wanted = decision.desired
    let first = reconciler.reconcile(.all, to: decision, previous: nil, errors: [])
    #expect(!first.isVerified && first.errors.count == 1 && reconciler.ownership == nil)
    #expect(kernel.rules.count { $0.family == .ipv4 } == 3 && kernel.nftables == nil && !kernel.isOpen)
    kernel.tellsOwnership = true
    let second = reconciler.reconcile(.all, to: decision, previous: nil, errors: [])
    #expect(second.isVerified && kernel.isOpen && reconciler.ownership == .exclusive)
  }

  @Test("a cloud server whose guard cannot be installed does not forward")
  func unguardedCloud() throws {
    let cloud = CloudSettings(sources: [try CIDR(parsing: "10.147.17.0/24")])
    let configuration = AgentConfiguration(
      role: .cloud(cloud), zerotier: ZeroTierSettings(networkID: ZeroTierNetworkID(rawValue: 1)))
    let kernel = kernelWithout(.midstreamPickup)
    kernel.countdown = 0
    #expect(!pass(kernel, Decision(configuration, Situation())).isVerified)
    #expect(kernel.nftables == nil && kernel.sysctls[.ipv4Forwarding] == 0)
    kernel.countdown = nil
    #expect(pass(kernel, Decision(configuration, Situation())).isVerified)
    #expect(kernel.nftables != nil && kernel.sysctls[.ipv4Forwarding] == 1)
  }

  @Test("a parameter that would only be good to have keeps nothing from being verified, and is told of")
  func wish() throws {
    let cloud = CloudSettings(sources: [try CIDR(parsing: "10.147.17.0/24")])
    let closed = DesiredState(
      .closed(tunnel: nil, wan: nil), cloud, network: ZeroTierNetworkID(rawValue: 1),
      CloudSurroundings(networks: []))
    let wishes = Plan(from: kernelWithout(.midstreamPickup).state, to: closed, as: .holder(.exclusive))
    #expect(
      wishes.steps.contains { $0.operation.isWish }
        && !wishes.withoutWishes.steps.contains { $0.operation.isWish })
    let configuration = AgentConfiguration(
      role: .cloud(cloud), zerotier: ZeroTierSettings(networkID: ZeroTierNetworkID(rawValue: 1)))
    let kernel = kernelWithout(.midstreamPickup)
    kernel.unwritable = [.midstreamPickup]
    let outcome = pass(kernel, Decision(configuration, Situation()))
    #expect(outcome.isVerified && outcome.unmet.count == 1 && outcome.errors.isEmpty)
    #expect(!outcome.plan.steps.contains { $0.operation.isWish })
  }

  private func kernelWithout(_ key: Sysctl.Key) -> FailingKernel {
    let kernel = FailingKernel()
    kernel.sysctls[key] = 0
    return kernel
  }

  @Test("a repair that fails does not take away what is open already")
  func staysOpen() throws {
    let kernel = FailingKernel()
    let decision = try decision()
    _ = pass(kernel, decision)
    kernel.rules.removeFirst()
    kernel.countdown = 0
    #expect(!pass(kernel, decision).isVerified)
    #expect(kernel.isOpen)
  }

  /// A gateway at work whose rule somebody deletes; what is heard of that.
  private func deletedRule(_ kernel: FailingKernel, _ decision: Decision) throws -> KernelEvents.Batch {
    #expect(pass(kernel, decision).isVerified)
    var heard = KernelEvents.Batch()
    heard.dirty = .rulesIPv4
    heard.drift.deleted(try #require(decision.desired.rules.first))
    kernel.rules.removeAll { $0 == decision.desired.rules.first }
    return heard
  }

  @Test("what the kernel announced is undone before it is read, once, and told with all that was done")
  func announced() throws {
    let kernel = FailingKernel()
    let decision = try decision()
    let heard = try deletedRule(kernel, decision)
    let before = kernel.observed
    let outcome = Reconciler(kernel, as: .holder)
      .hold((decision, decision.desired), heard.dirty, heard: heard)
    #expect(outcome.isVerified && outcome.plan.changes == 1)
    #expect(kernel.observed == before + 1)
    #expect(kernel.rules.count == decision.desired.rules.count)
  }

  @Test("where the guard may be gone as well nothing is undone before that is seen to")
  func announcedBesideTheGuard() throws {
    let kernel = FailingKernel()
    let decision = try decision()
    var heard = try deletedRule(kernel, decision)
    heard.dirty.insert(.nftables)
    kernel.nftables = nil
    kernel.countdown = 0
    let reconciler = Reconciler(kernel, as: .holder)
    let outcome = reconciler.hold((decision, decision.desired), heard.dirty, heard: heard)
    #expect(!outcome.isVerified)
    let steps = outcome.plan.steps.map(\.stage)
    #expect(steps.first == .installGuard && steps.contains(.addRules))
  }

  @Test("what cannot be undone at once is planned after the reading, and told if it fails again")
  func announcedAndRefused() throws {
    let decision = try decision()
    let once = FailingKernel()
    let heard = try deletedRule(once, decision)
    once.countdown = 0
    let reconciler = Reconciler(once, as: .holder)
    let first = reconciler.hold((decision, decision.desired), heard.dirty, heard: heard)
    #expect(first.isVerified && first.plan.changes == 1 && once.rules.count == decision.desired.rules.count)
    let always = FailingKernel()
    _ = try deletedRule(always, decision)
    always.refusesAll = true
    let second = Reconciler(always, as: .holder)
      .hold((decision, decision.desired), heard.dirty, heard: heard)
    #expect(!second.isVerified && second.errors.count == 1)
  }
}
