import Model

@testable import Adoption

/// Hosts with the recipe on them, in parts that can be changed.
enum Hosts {
  static let tunnel = InterfaceIndex(rawValue: 7)
  static let uplink = InterfaceIndex(rawValue: 2)
  static let table = RoutingTableID(rawValue: 100)
  static let excluded = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16"]

  static func bare(_ address: String) -> HostTraces {
    var host = HostTraces()
    for (index, name) in [(tunnel, "ztabcdefgh"), (uplink, "eth0")] {
      host.links[index] = Link(index: index, name: InterfaceName(name)!, isUp: true, mtu: 1500)
    }
    host.addresses = [InterfaceAddress(interface: tunnel, address: IPAddress(address)!, prefixLength: 24)]
    return host
  }

  static func rule(from source: String, table: RoutingTableID = table, priority: UInt32 = 100) -> RoutingRule
  {
    RoutingRule(
      family: .ipv4, priority: RulePriority(rawValue: priority),
      selector: .init(source: CIDR(IPAddress(source)!)),
      action: .lookup(table), origin: .boot)
  }

  static func route(
    _ destination: String, _ kind: Route.Kind, table: RoutingTableID = table, metric: UInt32 = 0
  ) -> Route {
    let parts = destination.split(separator: "/")
    let network = CIDR(containing: IPAddress(String(parts[0]))!, prefixLength: Int(parts[1])!)
    return Route(
      .init(
        table: table, destination: network, metric: RouteMetric(rawValue: metric)),
      .init(kind, origin: .boot))
  }

  static func unit(
    _ name: String, _ environment: [String: String]
  ) -> UnitTrace {
    UnitTrace(
      name: name, path: "/etc/systemd/system/\(name)", environmentPath: "/etc/default/e",
      environment: environment)
  }

  /// As section D.3 leaves it, typed by hand.
  static var gateway: HostTraces {
    var host = bare("10.147.17.1")
    host.tableNames = ["zerotier-egress": 100]
    host.rules = [rule(from: "10.147.17.1")]
    host.routes =
      excluded.map { route($0, .throwToNextRule) }
      + [route("0.0.0.0/0", .gateway(IPAddress("10.147.17.2")!, via: tunnel))]
    return host
  }

  static let gatewayUnit = unit(
    HostTraces.gatewayService, ["CLOUD_ZT_IP": "10.147.17.2", "EGRESS_ZT_IP": "10.147.17.1"])

  static let entries = """
    *nat
    :POSTROUTING ACCEPT [0:0]
    -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
    -A POSTROUTING -s 10.147.17.0/24 -o eth0 -j MASQUERADE
    COMMIT
    *filter
    :FORWARD ACCEPT [0:0]
    -A FORWARD -i zt+ -o eth0 -j ACCEPT
    -A FORWARD -i eth0 -o zt+ -m state --state RELATED,ESTABLISHED -j ACCEPT
    COMMIT

    """

  /// As section C.3 leaves it.
  static var cloud: HostTraces {
    var host = bare("10.147.17.2")
    host.iptables = ["iptables": IptablesListing(parsing: entries)]
    return host
  }

  static let cloudUnit = unit(HostTraces.cloudService, ["ZT_SUBNET": "10.147.17.0/24", "WAN_IFACE": "eth0"])
}
