import Adoption
import Model

/// The commands that lead back to the recipe: it comes in before the agent's state goes out.
struct WayBack {
  let lines: [String]

  init(_ finding: FoundRecipe) {
    // The guard has nothing to stop: what it did stays until teardown.
    var lines = [
      "systemctl disable --now \(Services.daemon)", "systemctl disable \(Services.guardUnit)",
    ]
    if let unit = finding.unit.flatMap({ OldUnit($0.name) }) {
      lines += [
        "rm \(unit.dropIn)", "systemctl daemon-reload", "systemctl enable --now \(unit.name)",
      ]
    } else {
      lines += Self.byHand(finding)
    }
    if case .cloud(let cloud) = finding, !cloud.saved.isEmpty {
      lines.append("cp -p \(SavedRules.copy) \(HostTraces.savedRulesPath)")
    }
    lines.append("liteboxd-agent teardown --yes")
    if case .cloud = finding { lines.append("sysctl -w net.ipv4.ip_forward=1") }
    self.lines = lines
  }

  /// What somebody typed once.
  private static func byHand(_ finding: FoundRecipe) -> [String] {
    switch finding {
    case .gateway(let gateway):
      let table = gateway.table.value
      let device = gateway.device.map { " dev \($0)" } ?? ""
      return gateway.excluded.value.map { "ip route replace throw \($0) table \(table)" }
        + gateway.exits.prefix(1).map { "ip route replace default via \($0.value)\(device) table \(table)" }
        + gateway.rules.map {
          "ip rule add from \(gateway.egressIP.value) table \(table) priority \($0.priority)"
        }
    case .cloud(let cloud):
      return cloud.entries.map { "\($0.program) \($0.entry.entry.text)" }
    }
  }
}
