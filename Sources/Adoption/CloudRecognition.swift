import Model

/// Makes a cloud server's part of the traces one finding.
struct CloudRecognition {
  private let host: HostTraces
  private let live: [CloudFinding.LiveEntry]
  private let saved: [RecipeEntry]
  /// What speaks for a cloud server; empty: nothing does.
  let evidence: [String]

  init(_ host: HostTraces) {
    self.host = host
    let written = host.cloudUnit?.environment
    let subnet = written?["ZT_SUBNET"].flatMap(Self.network)
    // Source NAT is the recipe's if it is for ZeroTier's addresses, which a container bridge's is not; and what accepts
    // is the recipe's if it is beside such source NAT.
    func isRecipe(_ entry: RecipeEntry, among all: [RecipeEntry]) -> Bool {
      guard case .masquerade(let source, let wan) = entry.role else {
        return written?["WAN_IFACE"] == entry.wan.text
          || all.contains { $0.isMasquerade && $0.wan == entry.wan && isRecipe($0, among: all) }
      }
      return source == subnet || host.tunnelNetworks.contains { $0.overlaps(source) }
        || all.contains { !$0.isMasquerade && $0.wan == wan }
    }
    let all = host.iptables.mapValues(\.recipeEntries)
    live = all.sorted { $0.key < $1.key }.flatMap { program, entries in
      entries.filter { isRecipe($0, among: entries) && !Self.isKept($0, host.iptables[program]) }
        .map { CloudFinding.LiveEntry(program: program, entry: $0) }
    }
    let kept = host.savedRules?.recipeEntries ?? []
    saved = kept.filter { isRecipe($0, among: kept) && !Self.isKept($0, host.savedRules) }
    evidence =
      (host.cloudUnit.map { [$0.path] } ?? [])
      + live.map { "\($0.program) entry \"\($0.entry.entry.text)\"" }
      + (saved.isEmpty ? [] : [HostTraces.savedRulesPath])
  }

  /// Where something drops what is forwarded, an accept before it is what lets traffic pass: the agent's own table
  /// cannot override another's drop.
  private static func isKept(_ entry: RecipeEntry, _ listing: IptablesListing?) -> Bool {
    !entry.isMasquerade && (listing?.dropsForwarded ?? false)
  }

  var result: Recognition {
    guard !evidence.isEmpty else { return .nothing }
    var problems: [String] = []
    let sources = sources(&problems)
    let wan = wan(&problems)
    guard problems.isEmpty, let wan, !sources.isEmpty else { return .contradictory(problems) }
    return .found(
      .cloud(
        CloudFinding(
          sources: sources, wan: wan, entries: live, saved: saved, unit: host.cloudUnit, notes: notes)))
  }

  /// Entries of both, each with its place.
  private var placed: [(entry: RecipeEntry, place: String)] {
    live.map { ($0.entry, "\($0.program): \($0.entry.entry.text)") }
      + saved.map { ($0, "\(HostTraces.savedRulesPath): \($0.entry.text)") }
  }

  private func sources(_ problems: inout [String]) -> [Found<CIDR>] {
    var order: [CIDR] = []
    var places: [CIDR: [String]] = [:]
    for (entry, place) in placed {
      guard case .masquerade(let source, _) = entry.role else { continue }
      if places[source] == nil { order.append(source) }
      places[source, default: []].append(place)
    }
    if let unit = host.cloudUnit, let text = unit.environment["ZT_SUBNET"] {
      let place = "ZT_SUBNET in \(unit.environmentPath)"
      guard let subnet = Self.network(text) else {
        problems.append("\(place) is \"\(text)\"; expected an IPv4 network such as 10.147.17.0/24")
        return []
      }
      if order.isEmpty {
        order = [subnet]
      } else if !order.contains(subnet) {
        let listed = order.map(\.description).joined(separator: ", ")
        problems.append(
          "\(place) is \(subnet), and iptables has source NAT for \(listed); correct the one that is wrong")
      }
      places[subnet, default: []].append(place)
    }
    if order.isEmpty, problems.isEmpty {
      problems.append("neither iptables nor \(environmentPath) (ZT_SUBNET) says whom the source NAT is for")
    }
    return order.map { Found($0, at: places[$0] ?? []) }
  }

  /// As iptables takes it, with host bits cut off.
  private static func network(_ text: String) -> CIDR? {
    do throws(CIDR.Invalid) { return try CIDR(parsing: text) } catch {
      switch error {
      case .hostBits(let network): return network
      case .notAnAddress, .prefixLength: return nil
      }
    }
  }

  private func wan(_ problems: inout [String]) -> Found<InterfaceName>? {
    var order: [InterfaceName] = []
    var places: [InterfaceName: [String]] = [:]
    func note(_ name: InterfaceName, _ place: String) {
      if places[name] == nil { order.append(name) }
      places[name, default: []].append(place)
    }
    for (entry, place) in placed { note(entry.wan, place) }
    if let unit = host.cloudUnit, let text = unit.environment["WAN_IFACE"] {
      let place = "WAN_IFACE in \(unit.environmentPath)"
      if let name = InterfaceName(text) {
        note(name, place)
      } else {
        problems.append("\(place) is \"\(text)\"; expected an interface's name such as eth0")
      }
    }
    if order.count > 1 {
      let listed = order.map { "\($0) (\(places[$0]?.first ?? ""))" }.joined(separator: ", ")
      problems.append("there are several ways out: \(listed); an agent has one: remove the others")
    }
    if order.isEmpty, problems.isEmpty {
      problems.append("neither iptables nor \(environmentPath) (WAN_IFACE) says by which interface")
    }
    return order.first.map { Found($0, at: places[$0] ?? []) }
  }

  private var environmentPath: String { host.cloudUnit?.environmentPath ?? "/etc/default/zt-nat" }

  private var notes: [String] {
    let listings =
      host.iptables.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
      + (host.savedRules.map { [(HostTraces.savedRulesPath, $0)] } ?? [])
    return listings.compactMap { name, listing in
      let kept = listing.recipeEntries.filter { Self.isKept($0, listing) }
      guard !kept.isEmpty else { return nil }
      let texts = kept.map { "\"\($0.entry.text)\"" }.joined(separator: " and ")
      return
        "\(name): \(texts) stays: its FORWARD drops what nothing accepts, and the agent's table cannot override that"
    }
  }
}

extension IptablesListing.Entry {
  /// `-t nat -A POSTROUTING -s …`, to be typed.
  public var text: String {
    let quoted = words.map { word in
      word.utf8.contains(0x20)
        ? "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
        : word
    }
    return (["-t", table, "-A", chain] + quoted).joined(separator: " ")
  }
}
