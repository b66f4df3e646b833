import Kernel
import Model
import Reconciliation

// What of the kernel a pass reads, and how its parts make one whole.

extension Domains {
  /// A full re-read. Owned routes in tables of earlier configurations are left out: only a start or another
  /// configuration leaves any, and finding them walks every route of the host.
  static let resync = Domains.all.subtracting(.strayRoutes)

  /// Read to decide, not to repair.
  static let situational: Domains = [.links, .addresses, .mainDefaults]

  /// One by one. Owned routes elsewhere are read along with the tables.
  var each: [Domains] {
    var domains: [Domains] = [.links, .addresses, .mainDefaults, .strangeLocals, .nftables].filter(contains)
    let rules = intersection(.rules)
    if !rules.isEmpty { domains.append(rules) }
    if contains(.sysctls) { domains.append(.sysctls) }
    if contains(.strayRoutes) {
      domains.append([.routes, .strayRoutes])
    } else if !isDisjoint(with: .routes) {
      domains.append(intersection(.routes))
    }
    return domains
  }
}

extension Question {
  init(_ domains: Domains, for desired: DesiredState) {
    self.init(domains, tables: Set(desired.tables.keys), sysctls: desired.sysctls.map(\.key))
  }
}

extension ObservedState {
  mutating func merge(_ other: ObservedState) {
    links = other.links ?? links
    addresses = other.addresses ?? addresses
    mainDefaults = other.mainDefaults ?? mainDefaults
    strangeLocals = other.strangeLocals ?? strangeLocals
    if let read = other.rules { (rules, families) = (read, other.families) }
    if let read = other.routes {
      (routes, routeFamilies, routeTables) = (read, other.routeFamilies, other.routeTables)
    }
    nftables = other.nftables ?? nftables
    sysctls = other.sysctls ?? sysctls
  }
}

extension DesiredState {
  /// Where the kernel has to be looked at because something else is wanted there. All that is read again and again, when
  /// nothing was wanted before.
  func domains(differingFrom previous: DesiredState?) -> Domains {
    guard let previous else { return .resync }
    var domains: Domains = []
    if rules != previous.rules { domains.insert(.rules) }
    if tables != previous.tables { domains.insert(.routes) }
    if Set(tables.keys) != Set(previous.tables.keys) { domains.insert(.strayRoutes) }
    if nftables != previous.nftables { domains.insert(.nftables) }
    if sysctls != previous.sysctls { domains.insert(.sysctls) }
    return domains
  }
}
