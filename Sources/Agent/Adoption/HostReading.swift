import Adoption
import Kernel
import Model

extension HostTraces {
  /// Reads all that the recipe may have left on this host. Changes nothing.
  init(reading kernel: Kernel) throws {
    self.init()
    gatewayUnit = try Self.unit(HostTraces.gatewayService)
    cloudUnit = try Self.unit(HostTraces.cloudService)
    tableNames = routingTableNames(parsing: try HostFile.read(HostTraces.tableNamesPath) ?? [])
    let seen = try kernel.observe(Question([.rules, .links, .addresses]))
    rules = (seen.rules ?? []).map(\.rule)
    links = seen.links ?? [:]
    addresses = seen.addresses ?? []
    let tables = candidateTables
    routes =
      try kernel.observe(Question(.routes, tables: tables.union(tables.map(\.next)))).routes.map {
        $0.map(\.route)
      } ?? []
    for (program, listing) in try IptablesProgram.present() {
      iptables[program] = IptablesListing(parsing: try listing.run([]))
    }
    savedRules = try HostFile.read(HostTraces.savedRulesPath).map {
      IptablesListing(parsing: String(decoding: $0, as: UTF8.self))
    }
  }

  private static func unit(_ name: String) throws -> UnitTrace? {
    guard let unit = OldUnit(name), try !unit.isRetired() else { return nil }
    let (path, values) = try unit.environment()
    return UnitTrace(name: name, path: unit.path, environmentPath: path, environment: values)
  }
}

/// iptables(8) has two faces, each of which sees its own entries alone.
enum IptablesProgram {
  /// Names of the programs that may hold entries, each with what lists them.
  static func present() throws -> [(name: String, listing: ExternalProgram)] {
    guard let nft = ExternalProgram(named: "iptables-nft-save") else {
      return ExternalProgram(named: "iptables-save").map { [("iptables", $0)] } ?? []
    }
    // Only if the kernel has tables of that kind: asking for them would make them.
    let hasLegacy = try !(HostFile.read("/proc/net/ip_tables_names") ?? []).isEmpty
    let legacy = hasLegacy ? ExternalProgram(named: "iptables-legacy-save") : nil
    return [("iptables-nft", nft)] + (legacy.map { [("iptables-legacy", $0)] } ?? [])
  }
}
