import Configuration
import Model
import Testing

@testable import Reconciliation

@Suite("Rules of others that are asked before the agent's")
struct RulesAheadTests {
  private static let source = try? CIDR(parsing: "10.147.17.1/32")

  private static func rule(
    _ priority: UInt32, _ table: UInt32, from network: CIDR? = source, mark: UInt32? = nil,
    _ origin: RouteProtocol = .static
  ) -> RoutingRule {
    RoutingRule(
      family: .ipv4, priority: RulePriority(rawValue: priority),
      selector: .init(source: network, mark: mark.map { .init(value: $0, mask: .max) }),
      action: .lookup(RoutingTableID(rawValue: table)), origin: origin)
  }

  /// As with one end-to-end check: the check's own way, the tunnel's table, the fallback.
  private static let desired = DesiredState(rules: [
    rule(150, 14700, mark: 1, .liteboxd), rule(151, 100, .liteboxd), rule(152, 101, .liteboxd),
  ])

  static let cases: [(String, RoutingRule, Bool)] = [
    ("in the place of ours", rule(151, 100), false),
    ("in the place of the fallback", rule(152, 101), false),
    ("ours again, further behind", rule(152, 100), false),
    ("behind all of ours", rule(153, 254), false),
    ("elsewhere", rule(149, 254), true),
    ("the fallback before the tunnel", rule(149, 101), true),
    ("the fallback in the tunnel's place", rule(151, 101), true),
    ("the tunnel before a check's own way", rule(149, 100), true),
    ("the tunnel for everybody", rule(151, 100, from: nil), true),
    ("of another source", rule(149, 254, from: try? CIDR(parsing: "10.1.1.1/32")), false),
  ]

  @Test("are told of where they may answer otherwise", arguments: cases)
  func told(_ what: String, _ rule: RoutingRule, _ isTold: Bool) {
    #expect(Self.desired.rulesAhead(among: Self.desired.rules + [rule]) == (isTold ? [rule] : []), "\(what)")
  }

  @Test(
    "and routes of table local, but into the tunnel or to what is excluded",
    arguments: [
      ("8.8.8.8/32", 2, true), ("0.0.0.0/0", 2, true), ("8.8.8.8/32", 7, false), ("10.1.0.0/16", 2, false),
    ])
  func local(_ destination: String, _ link: UInt32, _ isTold: Bool) throws {
    var desired = Self.desired
    let excluded = try Route.Key(
      table: RoutingTableID(rawValue: 100), destination: CIDR(parsing: "10.0.0.0/8"))
    desired.tables[excluded.table] = [Route(excluded, .init(.throwToNextRule))]
    let key = try Route.Key(table: .local, destination: CIDR(parsing: destination))
    let route = Route(key, .init(.onLink(InterfaceIndex(rawValue: link)), origin: .boot))
    let tunnel = InterfaceIndex(rawValue: 7)
    #expect(desired.routesAhead(among: [route], of: tunnel) == (isTold ? [route] : []))
    #expect(DesiredState().routesAhead(among: [route], of: nil).isEmpty)
  }
}
