import Lab
import Synchronization

/// What leaks while a gateway's configuration changes from one egress IP to another, by address: the old one is the
/// agent's as long as its rules are there, the new one from when the guard names it.
final class ReaddressedLeaks {
  private unowned let scene: KernelScene
  private let before = Count()

  /// Packets of the new address that had left before it was the agent's.
  private final class Count: Sendable {
    let value = Mutex(0)
  }

  static let flows: Set<TrafficFlow> = [.init(.bound, .udp), .init(.bound, .tcp), .init(.bound, .icmp)]

  init(_ scene: KernelScene) { self.scene = scene }

  /// From the new address; the old one has traffic of its own.
  func startTraffic() throws -> Traffic {
    try scene.lab.startTraffic(Self.flows, perSecond: 25, from: Address.otherEgress)
  }

  func countFromGuard() -> @Sendable (Int) throws -> Void {
    let isIn = Mutex(false)
    before.value.withLock { $0 = 0 }
    return { [lab = scene.lab, before] _ in
      guard !isIn.withLock({ $0 }), try lab.guardNames(Address.otherEgress) else { return }
      isIn.withLock { $0 = true }
      let leaks = try lab.leaks().ofOtherEgress
      before.value.withLock { $0 = leaks }
    }
  }

  /// There is no moment in which neither address is held. Hands back what had leaked of the new one before it was,
  /// and of the old one since it is no longer: the traffic does find a way.
  func expectOneHeld(_ place: String) throws -> Int {
    let isOldHeld = try scene.waysPast().isEmpty
    let isNewHeld = try scene.waysPast(from: Address.otherEgress).isEmpty
    let leaks = try scene.lab.leaks()
    if !isOldHeld, !isNewHeld { scene.failures.append("\(place): neither egress IP is held") }
    let ofOld = leaks.total - leaks.ofOtherEgress
    if isOldHeld, ofOld > 0 { scene.failures.append("\(place): leaks of the old egress IP: \(leaks)") }
    try expectNoneOfNew(place)
    return before.value.withLock { $0 } + ofOld
  }

  func expectNoneOfNew(_ place: String) throws {
    guard try scene.lab.guardNames(Address.otherEgress) else { return }
    let leaks = try scene.lab.leaks().ofOtherEgress - before.value.withLock { $0 }
    if leaks > 0 { scene.failures.append("\(place): \(leaks) packets of the new egress IP leaked") }
  }
}

extension Lab {
  /// Whether the agent's nftables table is there.
  func isGuarded(_ node: Node) throws -> Bool {
    try namespace(node).execute(["nft", "list", "table", "inet", "liteboxd"]).run().status == .exited(0)
  }

  /// Whether the gateway's guard drops what this address sends beside the tunnel.
  func guardNames(_ address: String) throws -> Bool {
    try namespace(.gateway).execute(["nft", "list", "table", "inet", "liteboxd"]).run().stdout
      .contains("ip saddr \(address) ")
  }
}
