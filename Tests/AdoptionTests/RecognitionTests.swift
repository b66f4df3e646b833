import Configuration
import Model
import Testing

@testable import Adoption

@Suite("The recipe is recognised")
struct RecognitionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    var host: HostTraces
    /// Of what is found, or the beginning of a word of each contradiction.
    let result: String
    var testDescription: String { name }

    init(
      _ name: String, _ host: HostTraces, _ result: String, _ change: (inout HostTraces) -> Void = { _ in }
    ) {
      (self.name, self.host, self.result) = (name, host, result)
      change(&self.host)
    }
  }

  static let gatewayText = "gateway 10.147.17.1 to 10.147.17.2 by table 100, 5 excluded, 1 rules"

  static let gateways: [Case] = [
    Case("typed by hand", Hosts.gateway, gatewayText),
    Case("with unit and file", Hosts.gateway, gatewayText) { $0.gatewayUnit = Hosts.gatewayUnit },
    Case("without the table's name", Hosts.gateway, gatewayText) { $0.tableNames = [:] },
    Case(
      "a unit that never ran", Hosts.bare("10.147.17.1"), gatewayText.replacing("1 rules", with: "0 rules")
    ) {
      $0.gatewayUnit = Hosts.gatewayUnit
      $0.tableNames = ["zerotier-egress": 100]
    },
    Case("after the link went, which took the default along", Hosts.gateway, gatewayText) {
      $0.gatewayUnit = Hosts.gatewayUnit
      $0.routes.removeLast()
    },
    Case("taken over in part", Hosts.gateway, gatewayText) { host in
      host.routes = host.routes.map { Route($0.key, .init($0.value.kind)) }
      host.routes += [
        Route(.init(table: Hosts.table, destination: .everything(.ipv4), metric: .last), .init(.blackhole)),
        Route(.init(table: Hosts.table.next, destination: .everything(.ipv4)), .init(.blackhole)),
      ]
      host.rules.append(
        RoutingRule(
          family: .ipv4, priority: RulePriority(rawValue: 150), selector: host.rules[0].selector,
          action: .lookup(Hosts.table)))
    },
    Case(
      "two cloud servers by metric", Hosts.gateway,
      "gateway 10.147.17.1 to 10.147.17.2, 10.147.17.3 by table 100, 5 excluded, 1 rules"
    ) {
      $0.routes.insert(
        Hosts.route("0.0.0.0/0", .gateway(IPAddress("10.147.17.3")!, via: Hosts.tunnel), metric: 10), at: 0)
    },
    Case("the rule twice", Hosts.gateway, gatewayText.replacing("1 rules", with: "2 rules")) {
      $0.rules.append(Hosts.rule(from: "10.147.17.1", priority: 200))
    },
    Case("beside a rule for another uplink", Hosts.gateway, gatewayText) {
      $0.rules.append(Hosts.rule(from: "198.51.100.7", table: RoutingTableID(rawValue: 7)))
      $0.routes.append(
        Hosts.route(
          "0.0.0.0/0", .gateway(IPAddress("198.51.100.1")!, via: Hosts.uplink),
          table: RoutingTableID(rawValue: 7)))
    },
  ]

  static let clouds: [Case] = [
    Case("typed by hand", Hosts.cloud, "cloud 10.147.17.0/24 by eth0, 3 entries, 0 saved"),
    Case("with unit and file", Hosts.cloud, "cloud 10.147.17.0/24 by eth0, 3 entries, 0 saved") {
      $0.cloudUnit = Hosts.cloudUnit
    },
    Case(
      "a unit that never ran", Hosts.bare("10.147.17.2"), "cloud 10.147.17.0/24 by eth0, 0 entries, 0 saved"
    ) {
      $0.cloudUnit = Hosts.cloudUnit
    },
    Case("saved for the next boot", Hosts.cloud, "cloud 10.147.17.0/24 by eth0, 3 entries, 3 saved") {
      $0.savedRules = IptablesListing(parsing: Hosts.entries)
    },
    Case("where FORWARD drops", Hosts.cloud, "cloud 10.147.17.0/24 by eth0, 1 entries, 1 saved") {
      let dropping = Hosts.entries.replacing(":FORWARD ACCEPT", with: ":FORWARD DROP")
      $0.iptables = ["iptables": IptablesListing(parsing: dropping)]
      $0.savedRules = IptablesListing(parsing: dropping)
    },
    Case("only a container bridge's source NAT", Hosts.bare("10.147.17.2"), "nothing") {
      $0.iptables = [
        "iptables": IptablesListing(parsing: "*nat\n-A POSTROUTING -s 172.18.0.0/16 -o eth0 -j MASQUERADE\n")
      ]
    },
    Case("accepts alone, which drop nothing", Hosts.bare("10.147.17.2"), "nothing") {
      $0.iptables = ["iptables": IptablesListing(parsing: "*filter\n-A FORWARD -i zt+ -o cni0 -j ACCEPT\n")]
    },
    Case("nothing at all", Hosts.bare("10.147.17.2"), "nothing"),
  ]

  static let contradictions: [Case] = [
    Case("both roles", Hosts.gateway, "both roles") { $0.iptables = Hosts.cloud.iptables },
    Case("two egress IPs", Hosts.gateway, "2 egress IPs") {
      $0.rules.append(Hosts.rule(from: "10.147.17.9"))
    },
    Case("file and rule", Hosts.gateway, "EGRESS_ZT_IP in /etc/default/e is 10.147.17.7") {
      $0.gatewayUnit = Hosts.unit("u", ["CLOUD_ZT_IP": "10.147.17.2", "EGRESS_ZT_IP": "10.147.17.7"])
    },
    Case("file and default route", Hosts.gateway, "CLOUD_ZT_IP in /etc/default/e is 10.147.17.8") {
      $0.gatewayUnit = Hosts.unit("u", ["CLOUD_ZT_IP": "10.147.17.8", "EGRESS_ZT_IP": "10.147.17.1"])
    },
    Case("no address", Hosts.gateway, "CLOUD_ZT_IP in /etc/default/e is \"cloud\"") {
      $0.gatewayUnit = Hosts.unit("u", ["CLOUD_ZT_IP": "cloud"])
    },
    Case("nothing says which exit", Hosts.gateway, "neither the kernel (default route") {
      $0.routes.removeLast()
    },
    Case("a route that is not the recipe's", Hosts.gateway, "\"203.0.113.0/24 dev eth0 table 100") {
      $0.routes.append(Hosts.route("203.0.113.0/24", .onLink(Hosts.uplink)))
    },
    Case("something in the next table", Hosts.gateway, "\"throw 10.0.0.0/8 table 101") {
      $0.routes.append(Hosts.route("10.0.0.0/8", .throwToNextRule, table: Hosts.table.next))
    },
    Case("two tables", Hosts.gateway, "rules lead to the tables 100 and 7") {
      let seven = RoutingTableID(rawValue: 7)
      $0.rules.append(Hosts.rule(from: "10.147.17.1", table: seven))
      $0.routes.append(
        Hosts.route("0.0.0.0/0", .gateway(IPAddress("10.147.17.2")!, via: Hosts.tunnel), table: seven))
    },
    Case("two ways out", Hosts.cloud, "several ways out: eth0") {
      $0.cloudUnit = Hosts.unit("u", ["ZT_SUBNET": "10.147.17.0/24", "WAN_IFACE": "eth1"])
    },
    Case("file and source NAT", Hosts.cloud, "ZT_SUBNET in /etc/default/e is 10.147.18.0/24") {
      $0.cloudUnit = Hosts.unit("u", ["ZT_SUBNET": "10.147.18.0/24", "WAN_IFACE": "eth0"])
    },
    Case(
      "a unit without a file", Hosts.bare("10.147.17.2"), "neither iptables nor /etc/default/e (ZT_SUBNET)"
    ) {
      $0.cloudUnit = Hosts.unit("u", [:])
    },
  ]

  private func text(_ recognition: Recognition) -> String {
    switch recognition {
    case .nothing: "nothing"
    case .contradictory(let problems): problems.joined(separator: "\n")
    case .found(.gateway(let found)):
      "gateway \(found.egressIP.value) to \(found.exits.map(\.value.description).joined(separator: ", ")) by table "
        + "\(found.table.value), \(found.excluded.value.count) excluded, \(found.rules.count) rules"
    case .found(.cloud(let found)):
      "cloud \(found.sources.map(\.value.description).joined(separator: ", ")) by \(found.wan.value), "
        + "\(found.entries.count) entries, \(found.saved.count) saved"
    }
  }

  @Test("as it stands", arguments: gateways + clouds)
  func found(_ example: Case) throws {
    let recognition = Recognition(example.host)
    #expect(text(recognition) == example.result)
    guard case .found(let finding) = recognition else { return }
    // The text is a configuration that agrees with what it was made of.
    let network = Found(ZeroTierNetworkID(rawValue: 0x33ff_eb83_8b00_0001), at: ["ZeroTier\nsays \u{1b} so"])
    let made = ConfigurationText(finding, network: network).text
    let configuration = try AgentConfiguration(parsing: Array(made.utf8), path: "made")
    #expect(configuration.disagreements(with: finding) == [], "\(made)")
    #expect(configuration.zerotier.networkID == network.value)
    #expect(made.hasPrefix(ConfigurationText.header) && made.unicodeScalars.allSatisfy { $0.isASCII })
  }

  @Test("what cannot be one configuration is named", arguments: contradictions)
  func contradictory(_ example: Case) {
    guard case .contradictory(let problems) = Recognition(example.host) else {
      Issue.record("\(Recognition(example.host))")
      return
    }
    #expect(problems.contains { $0.contains(example.result) }, "\(problems)")
  }

  @Test(
    "a drop behind the tunnel's default becomes whenDown",
    arguments: [Route.Kind.unreachable, .prohibit, .blackhole])
  func whenDown(_ kind: Route.Kind) throws {
    var host = Hosts.gateway
    host.routes.append(Hosts.route("0.0.0.0/0", kind, metric: 4_294_967_295))
    guard case .found(let finding) = Recognition(host) else {
      Issue.record("\(Recognition(host))")
      return
    }
    let text = ConfigurationText(finding, network: Found(ZeroTierNetworkID(rawValue: 1), at: [])).text
    let made = try AgentConfiguration(parsing: Array(text.utf8), path: "made")
    guard case .gateway(let gateway) = made.role else { return }
    #expect("\(gateway.whenDown)" == "\(kind)")
  }

  @Test(
    "a configuration that says otherwise is told apart, key by key; what the recipe knows nothing of is free")
  func disagreement() throws {
    guard case .found(let finding) = Recognition(Hosts.gateway) else { return }
    func problems(_ change: (String) -> String) throws -> [String] {
      let text = ConfigurationText(finding, network: Found(ZeroTierNetworkID(rawValue: 1), at: [])).text
      return try AgentConfiguration(parsing: Array(change(text).utf8), path: "made").disagreements(
        with: finding)
    }
    #expect(try problems { $0 + "log:\n  level: debug\n" } == [])
    #expect(try problems { $0.replacing("egressIP: 10.147.17.1", with: "egressIP: 10.147.17.9") }.count == 1)
    #expect(try problems { $0.replacing("routingTable: 100", with: "routingTable: 200") }.count == 1)
    #expect(try problems { $0.replacing("address: 10.147.17.2", with: "address: 10.147.17.8") }.count == 1)
    #expect(try problems { $0.replacing("[10.0.0.0/8, ", with: "[") }.count == 1)
    #expect(try problems { $0.replacing("cloud-a", with: "first") } == [])
  }
}
