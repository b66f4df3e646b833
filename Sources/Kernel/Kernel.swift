import Model

/// What the agent asks of the kernel. Everything is synchronous: netlink answers while it is asked.
public protocol KernelAccess: AnyObject {
  /// Reads what `question` names, and nothing else.
  func observe(_ question: Question) throws(KernelError) -> ObservedState
  func apply(_ operation: Operation) throws(KernelError)
  /// Whether this kernel has tables that nobody but their owner can change and that outlive it.
  func tableOwnership() throws(KernelError) -> NftablesOwnership
}

/// What is to be read.
public struct Question: Sendable {
  public var domains: Domains
  /// The routing tables that the agent owns, or owned until now.
  public var tables: Set<RoutingTableID>
  public var sysctls: [Sysctl.Key]

  public init(_ domains: Domains, tables: Set<RoutingTableID> = [], sysctls: [Sysctl.Key] = []) {
    self.domains = domains
    self.tables = tables
    self.sysctls = sysctls
  }
}

/// The running kernel, in the network namespace of the thread that made this.
public final class Kernel: KernelAccess {
  private let routing: RouteTables
  /// A kernel without nftables can still be told to route nothing: each use of it says what is missing.
  private let nftablesSocket: Result<Nftables, KernelError>

  public init() throws(KernelError) {
    routing = try RouteTables()
    do throws(KernelError) { nftablesSocket = .success(try Nftables()) } catch {
      nftablesSocket = .failure(error)
    }
  }

  private var nftables: Nftables {
    get throws(KernelError) { try nftablesSocket.get() }
  }

  /// Ports of the sockets that change things: events that carry one of them are our own doing.
  public var ports: Set<UInt32> {
    var ports: Set = [routing.portID]
    if case .success(let nftables) = nftablesSocket { ports.insert(nftables.portID) }
    return ports
  }

  /// Tried with an empty table, in one batch that makes and deletes it.
  public func tableOwnership() throws(KernelError) -> NftablesOwnership {
    do {
      return try nftables.supportsExclusiveTables() ? .exclusive : .shared
    } catch  where error.isFamilyMissing {
      return .shared  // No nftables at all: each use of it will say so.
    }
  }

  public func observe(_ question: Question) throws(KernelError) -> ObservedState {
    var state = ObservedState()
    let domains = question.domains
    if domains.contains(.links) { state.links = try routing.links() }
    if domains.contains(.addresses) { state.addresses = try routing.addresses() }
    if !domains.ruleFamilies.isEmpty {
      let rules = try routing.rules(domains.ruleFamilies)
      state.rules = AddressFamily.allCases.flatMap { rules[$0] ?? [] }
      state.families = Set(rules.keys)
    }
    if !domains.routeFamilies.isEmpty || domains.contains(.strayRoutes) {
      state.routes = try routes(question)
      // What is the agent's own in other tables is among them then.
      state.routeTables = domains.contains(.strayRoutes) ? nil : question.tables
      state.routeFamilies = Set(
        domains.contains(.strayRoutes) ? AddressFamily.allCases : domains.routeFamilies)
    }
    if domains.contains(.mainDefaults) { state.mainDefaults = try routing.mainDefaults() }
    if domains.contains(.strangeLocals) { state.strangeLocals = try routing.strangeLocals() }
    if domains.contains(.nftables) { state.nftables = try nftables.observe() }
    if domains.contains(.sysctls) {
      var values: [Sysctl.Key: Int] = [:]
      for key in question.sysctls { values[key] = try SysctlFile.read(key) }
      state.sysctls = values
    }
    return state
  }

  private func routes(_ question: Question) throws(KernelError) -> [ObservedRoute] {
    var routes: [ObservedRoute] = []
    for table in question.tables.sorted(by: { $0.rawValue < $1.rawValue }) {
      for family in question.domains.routeFamilies { routes += try routing.routes(in: table, family) }
    }
    if question.domains.contains(.strayRoutes) {
      routes += try routing.ownedRoutes().filter { !question.tables.contains($0.route.key.table) }
    }
    return routes
  }

  /// Packets and octets that each of the agent's nftables counters has seen.
  public func counters() throws(KernelError) -> [String: (packets: UInt64, bytes: UInt64)] {
    try nftables.counters()
  }

  /// Addresses that a dynamic set of the agent's table holds, and what was counted of each. Never part of
  /// `observe`: only for who asks.
  public func elements(of set: NftablesDynamicSet) throws(KernelError) -> [NftablesDynamicSet.Element] {
    try nftables.elements(of: set)
  }

  /// Has those flows begin anew. It reads all that connection tracking knows, so it is for a change that gives reason.
  public func forget(_ flows: FlowsToForget) throws(KernelError) -> FlowsToForget.Count {
    try nftables.forget(flows)
  }

  /// Where a packet of this host's own would go. Nothing is sent. An IPv4 source has to be this host's.
  public func lookUp(from source: IPAddress, to destination: IPAddress) throws(KernelError) -> WayOut {
    try routing.lookUp(from: source, to: destination)
  }

  /// Whether BPF programs are attached to the link, by a clsact qdisc or by tcx.
  public func hasPrograms(on link: InterfaceIndex) throws(KernelError) -> Bool {
    try routing.hasPrograms(on: link)
  }

  /// Others' nftables chains that forwarded IPv4 packets pass.
  public func foreignForwardChains() throws(KernelError) -> [ForeignForwardChain] {
    try nftables.foreignForwardChains()
  }

  public func apply(_ operation: Operation) throws(KernelError) {
    switch operation {
    case .nftables(let transaction): try nftables.commit(transaction)
    case .addRoute(let route): try routing.add(route)
    case .replaceRoute(let route): try routing.replace(route)
    case .deleteRoute(let route): try routing.delete(route)
    case .addRule(let rule): try routing.add(rule)
    case .deleteRule(let rule): try routing.delete(rule)
    case .setSysctl(let sysctl): try SysctlFile.write(sysctl)
    }
  }
}
