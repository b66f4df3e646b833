import Adoption
import EventLoop
import Model
import ZeroTier

/// Finds the ZeroTier network that the recipe uses, by what ZeroTier says of those that the host has joined.
struct NetworkSearch {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  let finding: FoundRecipe

  func run() throws -> Found<ZeroTierNetworkID> {
    let loop = try EventLoop()
    // The list is not about any one network.
    let settings = ZeroTierClient.Settings(network: ZeroTierNetworkID(rawValue: 0))
    switch try NetworkList(on: loop, settings).ask() {
    case .success(let reports): return try choose(reports)
    case .failure(let failure):
      throw Failure(
        description: "which ZeroTier network this is cannot be asked: \(failure.message); "
          + "start zerotier-one, or say it: --network-id ID")
    }
  }

  func choose(_ reports: [NetworkReport]) throws(Failure) -> Found<ZeroTierNetworkID> {
    let matching = reports.filter(matches)
    guard let network = matching.first, matching.count == 1 else {
      let which = matching.isEmpty ? "none of this host's networks" : "more than one of this host's networks"
      let listed = reports.map {
        "\($0.id) with \($0.assignedAddresses.map(\.description).joined(separator: ", "))"
      }
      throw Failure(
        description:
          "\(which) has \(wanted): \(listed.isEmpty ? "none is joined" : listed.joined(separator: "; ")); "
          + "join it, or say which: --network-id ID")
    }
    if case .gateway(let gateway) = finding, let device = gateway.device, let named = network.interface,
      named != device
    {
      throw Failure(
        description:
          "\(wanted) is an address of network \(network.id), whose interface is \(named), and the default "
          + "route of table \(gateway.table.value) leads through \(device); correct the route")
    }
    let link = network.interface.map { " with the interface \($0)" } ?? ""
    return Found(network.id, at: ["ZeroTier's network that has \(wanted),\(link)"])
  }

  private var wanted: String {
    switch finding {
    case .gateway(let gateway): "\(gateway.egressIP.value)"
    case .cloud(let cloud): "an address in \(cloud.sources.map(\.value.description).joined(separator: ", "))"
    }
  }

  private func matches(_ report: NetworkReport) -> Bool {
    switch finding {
    case .gateway(let gateway): report.assignedAddresses.contains { $0.address == gateway.egressIP.value }
    case .cloud(let cloud):
      report.assignedAddresses.contains { assigned in
        cloud.sources.contains { $0.value.contains(assigned.address) || assigned.network.contains($0.value) }
      }
    }
  }
}
