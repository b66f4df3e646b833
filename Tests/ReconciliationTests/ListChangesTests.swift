import Configuration
import Model
import Reconciliation
import Testing

@Suite("A change of lists goes ahead of a reading of the kernel")
struct ListChangesTests {
  private static let table = RoutingTableID(rawValue: 100)

  /// A set and an exception for each network, and a default that drops.
  private func state(_ networks: String, also routes: [Route] = []) throws -> DesiredState {
    let list = try networks.split(separator: " ").map { try CIDR(parsing: $0) }
    let exceptions = list.sorted().map { route($0, .throwToNextRule) }
    return DesiredState(
      tables: [Self.table: exceptions + [route(.everything(.ipv4), .blackhole)] + routes],
      nftables: NftablesTable(
        comment: "", sets: [NftablesSet("excluded", .ipv4, networks: list)], counters: [], chains: []))
  }

  private func route(_ network: CIDR, _ kind: Route.Kind) -> Route {
    Route(Route.Key(table: Self.table, destination: network), Route.Value(kind))
  }

  @Test(
    "what came is added first, what went is deleted last, and nothing else is touched",
    arguments: [
      ("10.0.0.0/8 20.0.0.0/8", "10.0.0.0/8 20.0.0.0/8", ""),
      (
        "10.0.0.0/8 20.0.0.0/8", "10.0.0.0/8 15.0.0.0/8 20.0.0.0/8",
        "nft 'add element inet liteboxd excluded { 15.0.0.0/8 }'\n"
          + "ip route add throw 15.0.0.0/8 table 100 proto liteboxd"
      ),
      (
        "10.0.0.0/8 15.0.0.0/8 20.0.0.0/8", "15.0.0.0/8 20.0.0.0/8 30.0.0.0/8",
        "nft 'delete element inet liteboxd excluded { 10.0.0.0/8 }'\n"
          + "nft 'add element inet liteboxd excluded { 30.0.0.0/8 }'\n"
          + "ip route add throw 30.0.0.0/8 table 100 proto liteboxd\n"
          + "ip route del throw 10.0.0.0/8 table 100 proto liteboxd"
      ),
    ])
  func lists(_ before: String, _ after: String, _ wanted: String) throws {
    let plan = Plan(changingListsFrom: try state(before), to: try state(after))
    #expect(plan.lines { _ in nil }.joined(separator: "\n") == wanted)
    #expect(plan.changes == wanted.split(separator: "\n").count)
  }

  @Test("a route that carries traffic waits for the reading, as does a table that was not there")
  func others() throws {
    let open = route(.everything(.ipv4), .onLink(InterfaceIndex(rawValue: 7)))
    let before = try state("10.0.0.0/8")
    #expect(Plan(changingListsFrom: before, to: try state("10.0.0.0/8", also: [open])).isEmpty)
    #expect(Plan(changingListsFrom: .nothing, to: before).isEmpty)
  }

  @Test("of two lists that differ in one entry among 100,000 only that is in the plan")
  func long() throws {
    func list(_ count: Int) -> String {
      (0..<count).map { "20.\($0 >> 15).\($0 >> 7 & 255).\($0 << 1 & 255)/32" }.joined(separator: " ")
    }
    let plan = Plan(changingListsFrom: try state(list(100_000)), to: try state(list(100_001)))
    #expect(plan.changes == 2)
  }
}
