import Configuration
import Doctor
import Glibc
import Kernel
import Model
import Reconciliation

/// Looks whether a packet could leave past the tunnel: by asking the kernel for its way, and by sending one.
struct LeakTest {
  private let kernel: Kernel
  private let configuration: AgentConfiguration
  private let seen: ObservedState

  init(_ kernel: Kernel, _ configuration: AgentConfiguration, _ seen: ObservedState) {
    self.kernel = kernel
    self.configuration = configuration
    self.seen = seen
  }

  func run(_ host: inout HostObservations) {
    guard let facts = host.tunnel.value?.facts else { return }
    switch configuration.role {
    case .gateway(let gateway):
      let excluded = gateway.excludedCIDRs
      let ways = destinations.filter { address in !excluded.contains { $0.contains(address) } }
      host.lookups = .known(lookups(from: gateway.egressIP, to: ways) + lookups(ofIPv6In: facts))
      host.packet = packet(from: gateway.egressIP, to: quiet.first { ways.contains($0) })
    case .cloud(let cloud):
      guard case .present(_, let addresses) = facts.interface,
        let own = addresses.first(where: { own in cloud.sources.contains { $0.contains(own.address) } })
      else {
        host.packet = .unknown("this server has no address in cloud.sources to send from")
        return
      }
      host.packet = packet(from: own.address, to: quiet.first)
    }
  }

  // MARK: Lookups

  private func lookups(from source: IPAddress, to destinations: [IPAddress]) -> [LookupReading] {
    guard seen.addresses?.contains(where: { $0.address == source }) == true else {
      // Without the address the kernel refuses to look its way up, in the same words as a route that drops.
      return [
        LookupReading(
          from: source, to: destinations.first ?? source,
          .failed("\(source) is not on this host: only a packet tells"))
      ]
    }
    return destinations.map { lookUp(from: source, to: $0) }
  }

  /// From the tunnel's own addresses, or from one of those that ZeroTier would make.
  private func lookups(ofIPv6In facts: GateFacts) -> [LookupReading] {
    var sources = facts.network.ipv6Prefixes.map { IPAddress(family: .ipv6, bits: $0.address.bits + 1) }
    if case .present(_, let addresses) = facts.interface {
      sources += addresses.map(\.address).filter { $0.family == .ipv6 && !CIDR.linkLocalIPv6.contains($0) }
    }
    return sources.flatMap { source in destinationsIPv6.map { lookUp(from: source, to: $0) } }
  }

  private func lookUp(from source: IPAddress, to destination: IPAddress) -> LookupReading {
    do throws(KernelError) {
      switch try kernel.lookUp(from: source, to: destination) {
      case .dropped(let number): return LookupReading(from: source, to: destination, .dropped(number.way))
      case .link(let index):
        guard let name = seen.links?[index]?.name else {
          return LookupReading(from: source, to: destination, .failed("by a link that is gone, \(index)"))
        }
        return LookupReading(from: source, to: destination, .link(name))
      }
    } catch {
      return LookupReading(from: source, to: destination, .failed("\(error)"))
    }
  }

  // MARK: A packet

  private func packet(from source: IPAddress, to destination: IPAddress?) -> Reading<PacketReading> {
    guard let destination else {
      return .unknown("gateway.excludedCIDRs has every address that a packet may be sent to for a test")
    }
    return Reading {
      let witness = try PacketWitness(to: destination)
      let refusal = try witness.send(from: source)
      let found = refusal == nil ? witness.sightings(within: .milliseconds(300)) : []
      let sightings = found.compactMap { sighting in
        seen.links?[sighting.link].map { PacketReading.Sighting($0.name, from: sighting.source) }
      }
      return PacketReading(
        from: source, to: destination, sightings: sightings, refusal: refusal?.way)
    }
  }

  /// Of the ranges for documentation (RFC 5737), where nobody is.
  private var quiet: [IPAddress] {
    ["192.0.2.1", "198.51.100.1", "203.0.113.1"].compactMap { IPAddress($0) }
  }

  /// With two that everybody knows: they are looked up and not asked.
  private var destinations: [IPAddress] { ["8.8.8.8", "1.1.1.1"].compactMap { IPAddress($0) } + quiet }

  private var destinationsIPv6: [IPAddress] {
    ["2001:4860:4860::8888", "2606:4700:4700::1111"].compactMap { IPAddress($0) }
  }
}

extension KernelError.Errno {
  /// What stood in a packet's way, by the error that it gives (ip-route(8), nft(8)).
  fileprivate var way: String {
    switch rawValue {
    case EINVAL: "blackhole"
    case EHOSTUNREACH: "unreachable"
    case EACCES: "prohibit"
    case ENETUNREACH: "no route"
    case EPERM: "a firewall's drop"
    default: "\(self)"
    }
  }
}
