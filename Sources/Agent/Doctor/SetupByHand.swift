import Adoption
import Kernel

/// What the plan's set-up by hand left on a host, as `adopt` recognises it.
enum SetupByHand {
  static func found(by kernel: Kernel) throws -> [String] {
    let traces = try HostTraces(reading: kernel)
    switch Recognition(traces) {
    case .nothing: return []
    case .contradictory(let problems): return problems
    case .found(let recipe):
      let unit = recipe.unit.map { [$0.name] } ?? []
      switch recipe {
      case .gateway(let gateway): return unit + gateway.rules.map { "rule \($0)" }
      case .cloud(let cloud):
        return unit + cloud.entries.map { "\($0.program) \($0.entry.entry.text)" }
          + (cloud.saved.isEmpty ? [] : [HostTraces.savedRulesPath])
      }
    }
  }
}
