import Model

extension GatewaySettings {
  /// Reads `gateway:`; nil when it is not there or something was reported.
  init?(_ root: Section, presence: Presence) {
    let expected = "egressIP and exits"
    if presence == .required, !root.holds("gateway") {
      root.missing("gateway", expected: "a mapping with \(expected), for role: gateway")
    }
    let settings = root.section("gateway", holding: expected) { GatewaySettings(of: $0) }
    guard let settings, let settings else { return nil }
    self = settings
  }

  private init?(of section: Section) {
    let egressIP = section.required("egressIP", .host("10.147.17.1"))
    let exits = section.exits(besides: egressIP)
    let excluded = section.networks("excludedCIDRs") ?? GatewaySettings.standardExclusions
    let table = section.value("routingTable", .ownTable) ?? GatewaySettings.standardTable
    let priority = section.value("rulePriority", .priority) ?? GatewaySettings.standardPriority
    let whenDown: WhenDown = section.value("whenDown", .word) ?? .blackhole
    let probe = ProbeSettings(section)
    _ = section.value("spread", .noSpread)
    guard let egressIP, let exits else { return nil }
    self.init(
      egressIP: egressIP, exits: exits, excludedCIDRs: excluded, routingTable: table, rulePriority: priority,
      whenDown: whenDown, probe: probe)
  }
}

extension ProbeSettings {
  fileprivate init(_ gateway: Section) {
    let standard = ProbeSettings()
    self =
      gateway.section("probe", holding: "interval, timeout, failAfter, recoverAfter and failbackAfter") {
        section in
        section.refuseUnsupported("through")
        section.refuseUnsupported("publicAddress")
        let interval = section.value("interval", .duration(.milliseconds(100) ... .seconds(60)))
        let timeout = section.value("timeout", .duration(.milliseconds(10) ... .seconds(60)))
        let failback = section.value("failbackAfter", .duration(.zero ... .seconds(3600)))
        return ProbeSettings(
          interval: interval ?? standard.interval, timeout: timeout ?? standard.timeout,
          failAfter: section.value("failAfter", .number(1...100)) ?? standard.failAfter,
          recoverAfter: section.value("recoverAfter", .number(1...100)) ?? standard.recoverAfter,
          failbackAfter: failback ?? standard.failbackAfter)
      } ?? standard
  }
}

extension Form where Value == RoutingTableID {
  /// A table that the agent may own together with the next one. 252 to 255 are the kernel's (`RT_TABLE_COMPAT` to
  /// `RT_TABLE_LOCAL`, linux/rtnetlink.h).
  fileprivate static var ownTable: Form {
    let numbers = Form<Int>.number(1...4_294_967_294)
    return Form("\(numbers.expected), but none of 251 to 255") { (scalar) throws(Misfit) in
      let table = RoutingTableID(rawValue: UInt32(try numbers.read(scalar)))
      let system: ClosedRange<UInt32> = 252...255
      if system.contains(table.rawValue) { throw .unusable("is one of the system's tables, 252 to 255") }
      if system.contains(table.next.rawValue) {
        throw .unusable(
          "is refused: the next table is the agent's too, and \(table.next.rawValue) is the system's")
      }
      return table
    }
  }
}

extension Form where Value == RulePriority {
  /// Above 112, up to which Cilium puts its own rules and moves the rule of table local, and with room for the
  /// agent's rules before 32766, where main is looked up (ip-rule(8)).
  fileprivate static var priority: Form {
    let numbers = Form<Int>.number(113...32762)
    return Form(numbers.expected + ", behind Cilium's rules and before main's") { (scalar) throws(Misfit) in
      RulePriority(rawValue: UInt32(try numbers.read(scalar)))
    }
  }
}

extension Form where Value == Void {
  /// `none`. `flows` is described and not there yet.
  fileprivate static var noSpread: Form {
    Form("none") { (scalar) throws(Misfit) in
      if scalar.text == "flows" { throw .unusable("is not supported by this version yet; expected none") }
      guard scalar.text == "none" else { throw .unlike }
    }
  }
}
