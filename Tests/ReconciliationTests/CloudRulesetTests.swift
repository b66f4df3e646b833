import Configuration
import Model
import Reconciliation
import Testing

@Suite("A cloud server's ruleset")
struct CloudRulesetTests {
  private let network = ZeroTierNetworkID(rawValue: 0x33ff_eb83_8b00_0001)

  private func wan(_ address: String) throws -> WAN {
    WAN(
      name: try #require(InterfaceName("eth0")),
      addresses: [
        InterfaceAddress(
          interface: InterfaceIndex(rawValue: 2), address: try #require(IPAddress(address)), prefixLength: 24)
      ])
  }

  private func table(_ policy: CloudPolicy, sources: String, networks: [String]) throws -> NftablesTable {
    let settings = CloudSettings(sources: [try CIDR(parsing: sources)])
    let desired = DesiredState(
      policy, settings, network: network, networks: try networks.map { try CIDR(parsing: $0) })
    return try #require(desired.nftables)
  }

  private func guardLines(_ table: NftablesTable) throws -> [String] {
    try #require(table.chains.first { $0.name == "wan_guard" }).rules.map(\.description)
  }

  @Test("guards the whole ZeroTier network, not only the sources in it")
  func wholeNetwork() throws {
    let table = try table(
      .closed(tunnel: nil, wan: try wan("203.0.113.5")), sources: "10.147.17.1/32",
      networks: ["10.147.17.0/24"])
    let set = try #require(table.sets.first { $0.name == "zerotier" })
    #expect(set == NftablesSet("zerotier", .ipv4, networks: [try CIDR(parsing: "10.147.17.0/24")]))
  }

  @Test("guards the sources even where the WAN is in the ZeroTier network's range")
  func overlap() throws {
    let table = try table(
      .closed(tunnel: nil, wan: try wan("10.147.200.5")), sources: "10.147.17.1/32",
      networks: ["10.147.0.0/16"])
    let set = try #require(table.sets.first { $0.name == "zerotier" })
    #expect(set == NftablesSet("zerotier", .ipv4, networks: [try CIDR(parsing: "10.147.17.1/32")]))
    #expect(try guardLines(table).first?.contains("oifname \"eth0\" ip saddr @zerotier") == true)
  }

  @Test("guards every link but ZeroTier's while the WAN is not known, as at boot")
  func noWAN() throws {
    let lines = try guardLines(
      try table(.closed(tunnel: nil, wan: nil), sources: "10.147.17.0/24", networks: []))
    #expect(lines.first?.hasPrefix("oifname != \"lo\" oifname != \"zt*\" ip saddr @zerotier counter") == true)
  }

  @Test("a link that leads to the Internet is never taken for the tunnel")
  func wanIsNoTunnel() throws {
    let link = Link(
      index: InterfaceIndex(rawValue: 2), name: try #require(InterfaceName("eth0")), isUp: true, mtu: 1500)
    let facts = GateFacts(
      network: network, word: .ok, apiProblem: nil, interface: .present(link, addresses: []))
    let settings = CloudSettings(sources: [try CIDR(parsing: "10.147.17.0/24")])
    let (policy, reasons) = CloudPolicy.decide(facts, settings, wan: try wan("203.0.113.5"), wanted: nil)
    #expect(policy == .closed(tunnel: nil, wan: try wan("203.0.113.5")))
    #expect(reasons == [.interfaceIsWAN(link.name)])
  }
}
