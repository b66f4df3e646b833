import Model
import Reconciliation
import Testing

@Suite("What others did is undone by its announcement")
struct DriftUndoneTests {
  private static let tunnel = InterfaceIndex(rawValue: 7)
  private static let uplink = InterfaceIndex(rawValue: 2)
  private let rule: RoutingRule
  private let fallback: RoutingRule
  private let open: Route
  private let exception: Route
  private let drop: Route
  private let desired: DesiredState
  private let tunnel: Tunnel

  init() throws {
    let name = try #require(InterfaceName("zt0"))
    tunnel = Tunnel(Link(index: Self.tunnel, name: name, isUp: true, mtu: 2800))
    let egress = try CIDR(parsing: "10.147.17.1/32")
    func rule(_ priority: UInt32, _ table: UInt32) -> RoutingRule {
      RoutingRule(
        family: .ipv4, priority: RulePriority(rawValue: priority), selector: .init(source: egress),
        action: .lookup(RoutingTableID(rawValue: table)))
    }
    func route(_ table: UInt32, _ network: CIDR, _ kind: Route.Kind) -> Route {
      Route(.init(table: RoutingTableID(rawValue: table), destination: network), .init(kind))
    }
    (self.rule, fallback) = (rule(150, 100), rule(151, 101))
    open = route(100, .everything(.ipv4), .onLink(Self.tunnel))
    exception = route(100, try CIDR(parsing: "10.0.0.0/8"), .throwToNextRule)
    drop = route(101, .everything(.ipv4), .blackhole)
    desired = DesiredState(
      rules: [self.rule, fallback],
      tables: [open.key.table: [exception, open], drop.key.table: [drop]],
      sysctls: [
        Sysctl(.ipv4Forwarding, 1), Sysctl(.linkForwarding(name), 1), Sysctl(.reversePathFilter(name), 2),
      ])
  }

  private func plan(_ tell: (inout AnnouncedDrift) -> Void) -> [String] {
    var drift = AnnouncedDrift()
    tell(&drift)
    return Plan(undoing: drift, to: desired, tunnel: tunnel).lines { $0 == Self.tunnel ? "zt0" : nil }
  }

  /// The same key with another's way out.
  private var detour: Route { Route(open.key, .init(.onLink(Self.uplink), origin: .init(rawValue: 4))) }

  @Test("drops come first, from the last table on, then rules, and what opens the tunnel comes last")
  func order() {
    let lines = plan {
      $0.deleted(open)
      $0.deleted(rule)
      $0.deleted(exception)
      $0.deleted(drop)
    }
    #expect(
      lines == [
        "ip route add blackhole default table 101 proto liteboxd",
        "ip route add throw 10.0.0.0/8 table 100 proto liteboxd",
        "ip rule add priority 150 from 10.147.17.1 lookup 100 protocol liteboxd",
        "ip route add default dev zt0 table 100 proto liteboxd",
      ])
  }

  @Test("a route in the place of one that is wanted is replaced in one step, with what was deleted before it")
  func replaced() {
    let replace = ["ip route replace default dev zt0 table 100 proto liteboxd"]
    #expect(plan { $0.added(detour, replacing: .first) } == replace)
    #expect(
      plan {
        $0.deleted(open)
        $0.added(detour, replacing: .nothing)
      } == replace)
  }

  @Test("a parameter is set back, of all links or of the tunnel's; what others do to other links is theirs")
  func parameters() {
    #expect(
      plan {
        $0.set(.init(.reversePathFilter, of: Self.tunnel, 1))
        $0.set(.init(.forwarding, of: Self.tunnel, 0))
        $0.set(.init(.forwarding, of: nil, 0))
        $0.set(.init(.forwarding, of: Self.uplink, 0))
        $0.set(.init(.reversePathFilter, of: nil, 1))
      } == [
        "sysctl -w net/ipv4/conf/zt0/rp_filter=2", "sysctl -w net/ipv4/conf/zt0/forwarding=1",
        "sysctl -w net/ipv4/ip_forward=1",
      ])
    #expect(
      plan {
        $0.set(.init(.forwarding, of: nil, 0))
        $0.set(.init(.forwarding, of: nil, 1))
        $0.set(.init(.reversePathFilter, of: Self.tunnel, 2))
      }.isEmpty)
  }

  @Test("what is not wanted so, or stands again, is none of it")
  func nothing() {
    let lines = plan {
      $0.deleted(detour)
      $0.deleted(RoutingRule(family: .ipv4, priority: rule.priority, selector: .init(), action: .blackhole))
      $0.added(detour, replacing: .nothing)
      $0.deleted(rule)
      $0.added(rule)
      $0.added(exception, replacing: .first)
    }
    // A route was deleted under the key, and another stands there now.
    #expect(lines == ["ip route replace default dev zt0 table 100 proto liteboxd"])
    #expect(
      plan {
        $0.deleted(open)
        $0.added(open, replacing: .nothing)
        $0.added(detour, replacing: .first)
        $0.added(open, replacing: .first)
        $0.added(detour, replacing: .nothing)
      }.isEmpty)
  }

  @Test("the same is done once, and of very much no more than a part")
  func bounds() throws {
    #expect(
      plan {
        $0.deleted(fallback)
        $0.deleted(fallback)
      }.count == 1)
    let drift = try (0..<1000).reduce(into: AnnouncedDrift()) { drift, number in
      let network = try CIDR(parsing: "20.0.\(number / 256).\(number % 256)/32")
      drift.deleted(Route(.init(table: open.key.table, destination: network), .init(.throwToNextRule)))
    }
    #expect(drift.deletedRoutes.count == AnnouncedDrift.limit)
  }
}
