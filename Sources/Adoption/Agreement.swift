import Configuration
import Model

extension AgentConfiguration {
  /// What of this configuration is other than what was found, each in a sentence; empty: it can take its place. What
  /// the recipe says nothing of is free.
  public func disagreements(with finding: FoundRecipe) -> [String] {
    switch finding {
    case .gateway(let gateway): disagreements(with: gateway)
    case .cloud(let cloud): disagreements(with: cloud)
    }
  }

  private func disagreements(with finding: GatewayFinding) -> [String] {
    guard case .gateway(let gateway) = role else {
      return ["its role is cloud, and the host has a gateway's recipe"]
    }
    var problems: [String] = []
    func compare<T: Equatable>(_ key: String, _ mine: T, _ found: Found<T>) {
      guard mine != found.value else { return }
      problems.append("gateway.\(key) is \(mine), and found was \(found.value) (\(found.places.first ?? ""))")
    }
    compare("egressIP", gateway.egressIP, finding.egressIP)
    compare("routingTable", gateway.routingTable, finding.table)
    if gateway.excludedCIDRs.aggregated() != finding.excluded.value.aggregated() {
      problems.append(
        "gateway.excludedCIDRs are not those of \(finding.excluded.places.joined(separator: ", "))")
    }
    for exit in finding.exits where !gateway.exits.contains(where: { $0.address == exit.value }) {
      problems.append("gateway.exits lacks \(exit.value) (\(exit.places.first ?? ""))")
    }
    return problems
  }

  private func disagreements(with finding: CloudFinding) -> [String] {
    guard case .cloud(let cloud) = role else {
      return ["its role is gateway, and the host has a cloud server's recipe"]
    }
    var problems: [String] = []
    for source in finding.sources where !cloud.sources.contains(where: { $0.contains(source.value) }) {
      problems.append("cloud.sources lacks \(source.value) (\(source.places.first ?? ""))")
    }
    if case .named(let name) = cloud.wanInterface, name != finding.wan.value {
      problems.append(
        "cloud.wanInterface is \(name), and found was \(finding.wan.value) (\(finding.wan.places.first ?? ""))"
      )
    }
    return problems
  }
}
