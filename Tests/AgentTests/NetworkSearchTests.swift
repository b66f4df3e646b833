import Adoption
import Model
import Testing
import ZeroTier

@testable import Agent

@Suite("The recipe's ZeroTier network")
struct NetworkSearchTests {
  private func report(_ id: UInt64, _ address: String, _ interface: String = "ztabcdefgh") -> NetworkReport {
    NetworkReport(
      id: ZeroTierNetworkID(rawValue: id), status: .ok, interface: InterfaceName(interface),
      assignedAddresses: [AssignedAddress(address)!])
  }

  private var gateway: FoundRecipe {
    get throws {
      var host = HostTraces()
      let tunnel = InterfaceIndex(rawValue: 7)
      host.links[tunnel] = Link(index: tunnel, name: InterfaceName("ztabcdefgh")!, isUp: true, mtu: 2800)
      host.rules = [
        RoutingRule(
          family: .ipv4, priority: RulePriority(rawValue: 100),
          selector: .init(source: CIDR(IPAddress("10.147.17.1")!)),
          action: .lookup(RoutingTableID(rawValue: 100)), origin: .boot)
      ]
      host.routes = [
        Route(
          .init(table: RoutingTableID(rawValue: 100), destination: .everything(.ipv4)),
          .init(.gateway(IPAddress("10.147.17.2")!, via: tunnel), origin: .boot))
      ]
      guard case .found(let finding) = Recognition(host) else { throw Unrecognised() }
      return finding
    }
  }

  private struct Unrecognised: Error {}

  private func chosen(_ reports: [NetworkReport]) throws -> String {
    let search = NetworkSearch(finding: try gateway)
    do throws(NetworkSearch.Failure) { return "\(try search.choose(reports).value)" } catch {
      return error.description
    }
  }

  @Test("is the one that has the egress IP, among others and whatever their order")
  func one() throws {
    let others = [report(2, "10.147.18.1/24", "ztother000"), report(3, "fd00::1/88", "ztother001")]
    #expect(try chosen(others + [report(1, "10.147.17.1/24")]) == "0000000000000001")
  }

  @Test("is asked for by name where none or several have it, or its link is not the route's")
  func refusals() throws {
    #expect(try chosen([]).contains("none is joined"))
    let none = try chosen([report(2, "10.147.17.9/24")])
    #expect(none.contains("0000000000000002 with 10.147.17.9/24") && none.contains("--network-id"))
    #expect(
      try chosen([report(1, "10.147.17.1/24"), report(2, "10.147.17.1/16")]).hasPrefix("more than one"))
    #expect(try chosen([report(1, "10.147.17.1/24", "ztother000")]).contains("leads through ztabcdefgh"))
  }
}
