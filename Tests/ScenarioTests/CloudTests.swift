import Glibc
import JSON
import Lab
import Testing

@Suite("S7: on a cloud server the interface vanishes under load", .serialized)
struct CloudTunnelGoesTests {
  @Test("no packet with a ZeroTier address leaves the WAN, frozen or not", arguments: [true, false])
  func vanishes(_ isFrozen: Bool) throws {
    let stage = try Stage()
    try stage.underTraffic { _ in
      if isFrozen { stage.cloud.freeze() }
      try stage.lab.zeroTier(.cloudA).tell(.linkDelete)
      stage.lab.letPass(.seconds(1))
      if isFrozen { stage.cloud.thaw() }
      try stage.cloud.waitFor(phase: "blocked", within: .seconds(3))
      try stage.lab.zeroTier(.cloudA).restart()
      try stage.cloud.waitFor(phase: "ready", within: .seconds(5))
      try stage.gateway.waitFor(phase: "ready", within: .seconds(5))
    }
  }
}

@Suite("S39: what a cloud server does not let through", .serialized)
struct CloudRefusalTests {
  private func drops(_ stage: Stage, _ name: String) throws -> Int64 {
    let drops = try stage.cloud.status()?["guardDrops"]?.array ?? []
    return drops.first { $0["guard"]?.string == name }?["packets"]?.integer ?? -1
  }

  @Test("each is dropped and counted by its own counter")
  func refusals() throws {
    let stage = try Stage()
    let configuration = try stage.lab.configuration(for: .cloudA).replacing(
      "wanInterface: auto",
      with: "wanInterface: auto\n  allow: [{protocol: udp, ports: [53]}, {protocol: tcp, ports: [80]}]")
    try stage.cloud.program.rewrite(configuration: configuration)
    #expect(try stage.cloud.run(["reload"]).status == .exited(0))
    try stage.expectInSync(stage.cloud)
    #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
    for (name, source, destination) in [
      ("not_allowed", Address.egress, "8.8.8.8"), ("not_a_source", "10.99.0.1", "8.8.8.8"),
      ("denied_destination", Address.egress, "169.254.169.254"),
    ] {
      let before = try drops(stage, name)
      // Straight into the tunnel: the gateway's own rules would not let some of these go.
      try stage.lab.namespace(.gateway).ip(
        "route replace \(destination) via 10.147.17.2 dev \(stage.lab.zeroTier(.gateway).device)")
      try stage.lab.namespace(.gateway).execute([
        "nft",
        "add table ip spoof; add chain ip spoof out { type filter hook output priority 400; }; "
          + "add rule ip spoof out ip daddr \(destination) ip saddr set \(source)",
      ]).output()
      _ = try stage.lab.namespace(.gateway).execute(["ping", "-c1", "-W1", destination]).run()
      try stage.lab.namespace(.gateway).execute(["nft", "delete", "table", "ip", "spoof"]).output()
      #expect(try drops(stage, name) > before, "\(name)")
    }
  }
}
