import Model

extension GatewaySettings {
  init?(_ fields: Fields) {
    let egressIP = fields.required("egressIP", "this node's ZeroTier address")?.unicastAddress("egress")
    let exits = fields.required("exits", "a list of cloud servers").flatMap { Self.exits($0, egressIP) }
    let excluded = fields.optional("excludedCIDRs").flatMap { Self.excluded($0) }
    let table = fields.optional("routingTable").flatMap { Self.table($0) }
    let priority = fields.optional("rulePriority").flatMap { Self.priority($0) }
    let whenDown = fields.optional("whenDown")?.word(WhenDown.self)
    let probe = fields.optional("probe").flatMap { Fields($0) }.map { ProbeSettings($0) }
    if let spread = fields.optional("spread"), let text = spread.text("none"), text != "none" {
      spread.report(
        text == "flows"
          ? "flows is not supported by this version; expected none" : "expected none, found \(quoted(text))")
    }
    fields.finish()
    guard let egressIP, let exits, !exits.isEmpty else { return nil }
    self.init(
      egressIP: egressIP, exits: exits, excludedCIDRs: excluded ?? Self.standardExclusions,
      routingTable: table ?? Self.standardTable, rulePriority: priority ?? Self.standardPriority,
      whenDown: whenDown ?? .blackhole, probe: probe ?? ProbeSettings())
  }

  /// None that cannot be told apart from another, by name or by address.
  private static func exits(_ value: Value, _ egressIP: IPAddress?) -> [Exit]? {
    guard let items = value.items("a list of cloud servers") else { return nil }
    guard (1...64).contains(items.count) else {
      value.report("expected 1 to 64 exits, found \(items.count)")
      return nil
    }
    var exits: [Exit] = []
    for item in items {
      guard let exit = Fields(item).flatMap({ Exit($0) }) else { continue }
      if exits.contains(where: { $0.name == exit.name }) {
        item.report("a second exit named \(quoted(exit.name))")
      }
      if let other = exits.first(where: { $0.address == exit.address }) {
        item.report("the same address, \(exit.address), as exit \(other.name)")
      }
      if exit.address == egressIP { item.report("the address is the egress IP; expected the cloud server's") }
      exits.append(exit)
    }
    return exits
  }

  private static func excluded(_ value: Value) -> [CIDR]? {
    guard let networks = value.networks("excluding") else { return nil }
    let ranges = NftablesSet("", .ipv4, networks: networks).ranges
    if ranges == [0...0xffff_ffff] {
      value.report("together these are all addresses, so nothing would go through the tunnel")
      return nil
    }
    return networks
  }

  private static func table(_ value: Value) -> RoutingTableID? {
    guard let number = value.integer(1...0xffff_fffe) else { return nil }
    // The next table is the agent's as well; 253 to 255 are default, main and local, and the agent owns its tables whole.
    guard !(252...255).contains(number) else {
      value.report(
        "tables 253 to 255 are the system's, and \(number) with the next one reaches them; expected another")
      return nil
    }
    return RoutingTableID(rawValue: UInt32(number))
  }

  /// Above what Cilium uses (it moves the local rule to 100), below the main table's rule, with room for ours.
  private static func priority(_ value: Value) -> RulePriority? {
    value.integer(113...32762).map { RulePriority(rawValue: UInt32($0)) }
  }
}

extension Exit {
  fileprivate init?(_ fields: Fields) {
    let name = fields.required("name", "a name")?.parsed(
      "a name of 1 to 63 letters, digits, dots, dashes or underscores, and not auto"
    ) { Self.isName($0) ? $0 : nil }
    let address = fields.required("address", "the cloud server's ZeroTier address")?.unicastAddress("egress")
    let node = fields.optional("nodeID")?.parsed("a ZeroTier address of 10 hexadecimal digits") {
      ZeroTierNodeID($0)
    }
    fields.unsupported("weight")
    fields.finish()
    guard let name, let address else { return nil }
    self.init(name: name, address: address, nodeID: node)
  }

  private static func isName(_ text: String) -> Bool {
    (1...63).contains(text.utf8.count) && text != "auto"
      && text.utf8.allSatisfy { nameCharacters.contains($0) }
  }

  private static let nameCharacters = Set(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-".utf8)
}

extension ProbeSettings {
  fileprivate init(_ fields: Fields) {
    let standard = ProbeSettings()
    self.init(
      interval: fields.optional("interval")?.duration(.milliseconds(100) ... .seconds(60))
        ?? standard.interval,
      timeout: fields.optional("timeout")?.duration(.milliseconds(10) ... .seconds(60)) ?? standard.timeout,
      failAfter: fields.optional("failAfter")?.integer(1...100) ?? standard.failAfter,
      recoverAfter: fields.optional("recoverAfter")?.integer(1...100) ?? standard.recoverAfter,
      failbackAfter: fields.optional("failbackAfter")?.duration(.zero ... .seconds(3600))
        ?? standard.failbackAfter)
    fields.unsupported("through")
    fields.unsupported("publicAddress")
    fields.finish()
  }
}
