import Doctor
import Kernel
import Model
import Reconciliation

/// Cilium by its links and by programs on the tunnel: its own API is its agent's alone.
enum CiliumSurvey {
  static func run(_ kernel: Kernel, _ seen: ObservedState, _ host: HostObservations) -> Reading<CiliumReading>
  {
    let names = (seen.links ?? [:]).values.map(\.name.text)
    let links = names.filter { $0.hasPrefix("cilium_") || $0.hasPrefix("lxc") }.sorted()
    guard !links.isEmpty else { return .unknown("Cilium has no link on this host") }
    guard case .present(let tunnel, _)? = host.tunnel.value?.facts.interface else {
      return .unknown("there is no interface that it could be attached to")
    }
    return .known(
      CiliumReading(links: links, tunnelPrograms: Reading { try kernel.hasPrograms(on: tunnel.index) }))
  }
}
