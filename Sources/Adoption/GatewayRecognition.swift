import Configuration
import Model

/// Makes a gateway's part of the traces one finding.
struct GatewayRecognition {
  private let host: HostTraces
  private let table: RoutingTableID?
  private let rules: [RoutingRule]
  /// What speaks for a gateway; empty: nothing does.
  let evidence: [String]

  init(_ host: HostTraces) {
    self.host = host
    // A rule is the recipe's if its table is the recipe's by name, or leads into ZeroTier, or if it is for the address
    // that the recipe's file names.
    let written = host.gatewayUnit?.environment["EGRESS_ZT_IP"].flatMap { IPAddress($0) }
    rules = host.rules.filter { rule in
      guard let (source, table) = HostTraces.hostLookup(rule) else { return false }
      return table == host.namedTable || source == written
        || host.routes.contains { $0.key.table == table && Self.exit($0, host) != nil }
    }
    let looked = rules.compactMap { HostTraces.hostLookup($0)?.table }
    // After the rule is gone, or before it came, the table is found by its name.
    table = looked.first ?? (host.gatewayUnit == nil ? nil : host.namedTable ?? GatewaySettings.standardTable)
    evidence = (host.gatewayUnit.map { [$0.path] } ?? []) + rules.map { "rule \"\($0)\"" }
  }

  /// Where a default route through one of ZeroTier's links leads.
  private static func exit(_ route: Route, _ host: HostTraces) -> (address: IPAddress, link: InterfaceIndex)?
  {
    guard route.key.destination == .everything(.ipv4), case .unicast(let hops) = route.value.kind,
      hops.count == 1,
      let gateway = hops[0].gateway, host.isTunnel(hops[0].interface)
    else { return nil }
    return (gateway, hops[0].interface)
  }

  var result: Recognition {
    guard !evidence.isEmpty, let table else { return .nothing }
    var problems: [String] = []
    let egressIP = egressIP(&problems)
    let exits = exits(in: table, &problems)
    checkTable(table, &problems)
    guard problems.isEmpty, let egressIP, !exits.isEmpty else { return .contradictory(problems) }
    return .found(
      .gateway(
        GatewayFinding(
          egressIP: egressIP, exits: exits, table: Found(table, at: places(of: table)),
          excluded: excluded(table),
          whenDown: whenDown(table), device: defaults(table).first.flatMap { host.links[$0.link]?.name },
          rules: rules, unit: host.gatewayUnit, notes: notes(table))))
  }

  // MARK: The parts

  private func egressIP(_ problems: inout [String]) -> Found<IPAddress>? {
    let inKernel = Self.unique(rules.compactMap { HostTraces.hostLookup($0)?.source })
    let written = address("EGRESS_ZT_IP", &problems)
    if inKernel.count > 1 {
      let listed = rules.map { "\"\($0)\"" }.joined(separator: ", ")
      problems.append(
        "there are rules for \(inKernel.count) egress IPs: \(listed); an agent has one: delete the others")
      return nil
    }
    let places = rules.map { "rule \"\($0)\"" } + (written.map { [$0.place] } ?? [])
    if let first = inKernel.first {
      if let written, written.address != first {
        problems.append(
          "\(written.place) is \(written.address), and the kernel's rule is \"\(rules[0])\"; correct the one that is wrong"
        )
      }
      return Found(first, at: places)
    }
    if written == nil, problems.isEmpty { problems.append(missing("EGRESS_ZT_IP", "rule")) }
    return written.map { Found($0.address, at: places) }
  }

  private func exits(in table: RoutingTableID, _ problems: inout [String]) -> [Found<IPAddress>] {
    let found = defaults(table)
    let links = Self.unique(found.map(\.link))
    if links.count > 1 {
      let names = links.map { host.links[$0]?.name.text ?? "\($0)" }.joined(separator: " and ")
      problems.append(
        "table \(table) has default routes by \(names); an agent has one ZeroTier network: delete the others")
    }
    let addresses = Self.unique(found.map(\.address))
    guard let written = address("CLOUD_ZT_IP", &problems) else {
      if addresses.isEmpty, problems.isEmpty {
        problems.append(missing("CLOUD_ZT_IP", "default route in table \(table)"))
      }
      return addresses.map { Found($0, at: ["table \(table)'s default route"]) }
    }
    if let first = addresses.first, first != written.address {
      problems.append(
        "\(written.place) is \(written.address), and table \(table)'s default route leads to \(first); "
          + "correct the one that is wrong")
    }
    guard !addresses.isEmpty else { return [Found(written.address, at: [written.place])] }
    return addresses.map {
      Found($0, at: ["table \(table)'s default route"] + ($0 == written.address ? [written.place] : []))
    }
  }

  /// Best first.
  private func defaults(_ table: RoutingTableID) -> [(address: IPAddress, link: InterfaceIndex)] {
    host.routes.filter { $0.key.table == table }.sorted { $0.key.metric < $1.key.metric }.compactMap {
      Self.exit($0, host)
    }
  }

  /// The agent owns the table and the next one whole: what the recipe has not put there would be lost.
  private func checkTable(_ table: RoutingTableID, _ problems: inout [String]) {
    let tables = Self.unique(rules.compactMap { HostTraces.hostLookup($0)?.table })
    if tables.count > 1 {
      problems.append(
        "rules lead to the tables \(tables.map(\.description).joined(separator: " and ")); an agent has one: delete the others"
      )
    }
    if !(1...250).contains(table.rawValue) && table.rawValue < 256 {
      problems.append("table \(table) is one of the system's or next to them; move the routes to table 100")
    }
    for route in host.routes where !route.isOwned && [table, table.next].contains(route.key.table) {
      guard route.key.table == table.next || !isRecipe(route) else { continue }
      let text = route.text { host.links[$0]?.name.text }
      problems.append(
        "\"\(text)\" is none of the recipe's, and the agent would remove it, since the tables \(table) and "
          + "\(table.next) are its own whole; move the route to another table")
    }
  }

  private func isRecipe(_ route: Route) -> Bool {
    guard route.key.destination.family == .ipv4 else { return false }
    switch route.value.kind {
    case .throwToNextRule: return !route.key.destination.isEverything
    case .blackhole, .unreachable, .prohibit: return route.key.destination.isEverything
    case .unicast, .other: return Self.exit(route, host) != nil
    }
  }

  private func excluded(_ table: RoutingTableID) -> Found<[CIDR]> {
    let thrown = host.routes.filter {
      $0.key.table == table && $0.key.destination.family == .ipv4 && $0.value.kind == .throwToNextRule
    }.map(\.key.destination)
    guard !thrown.isEmpty else {
      return Found(GatewaySettings.standardExclusions, at: ["the recipe's; table \(table) has none"])
    }
    return Found(Self.unique(thrown), at: ["table \(table)'s throw routes"])
  }

  private func whenDown(_ table: RoutingTableID) -> Found<Route.Kind>? {
    host.routes.first {
      $0.key.table == table && $0.key.destination == .everything(.ipv4) && !$0.carriesTraffic
        && $0.value.kind != .throwToNextRule
    }.map { Found($0.value.kind, at: ["table \(table)'s default route behind the tunnel's"]) }
  }

  private func notes(_ table: RoutingTableID) -> [String] {
    var notes: [String] = []
    for rule in host.rules where !rule.isOwned && rule.action == .lookup(table) && !rules.contains(rule) {
      notes.append(
        "rule \"\(rule)\" is not the recipe's and stays; it leads to a table that is the agent's now")
    }
    if host.namedTable == table {
      notes.append(
        "\(HostTraces.tableName) in \(HostTraces.tableNamesPath) stays: a roll-back needs the name")
    }
    return notes
  }

  private func places(of table: RoutingTableID) -> [String] {
    (rules.isEmpty ? [] : ["the rule's table"])
      + (host.namedTable == table ? ["\(HostTraces.tableName) in \(HostTraces.tableNamesPath)"] : [])
  }

  // MARK: The file

  private func address(_ name: String, _ problems: inout [String]) -> (address: IPAddress, place: String)? {
    guard let unit = host.gatewayUnit, let text = unit.environment[name] else { return nil }
    let place = "\(name) in \(unit.environmentPath)"
    guard let address = IPAddress(text), address.family == .ipv4 else {
      problems.append("\(place) is \"\(text)\"; expected an IPv4 address")
      return nil
    }
    return (address, place)
  }

  private func missing(_ name: String, _ object: String) -> String {
    let file = host.gatewayUnit?.environmentPath ?? "/etc/default/zt-egress-route"
    return
      "neither the kernel (\(object)) nor \(file) (\(name)) says which; start the recipe's unit, or set it there"
  }

  private static func unique<T: Hashable>(_ values: [T]) -> [T] {
    var seen: Set<T> = []
    return values.filter { seen.insert($0).inserted }
  }
}
