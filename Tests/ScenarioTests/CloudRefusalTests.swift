import JSON
import Lab
import Testing

@Suite("S39: what a cloud server does not let through", .serialized)
struct CloudRefusalTests {
  /// Who sends what, and the counter that has to show it.
  struct Packet: Sendable {
    let counter: String
    let from: Node
    /// nil: the sender's own.
    let source: String?
    let destination: String
  }

  static let packets =
    [
      Packet(counter: "not_a_source", from: .gateway, source: "10.147.17.77", destination: "8.8.8.8"),
      Packet(counter: "not_a_source", from: .gateway, source: "10.99.0.1", destination: "8.8.8.8"),
      Packet(counter: "not_a_source", from: .gateway, source: Address.uplink, destination: "8.8.8.8"),
    ]
    + ["169.254.169.254", Address.excludedServer, "10.55.0.1", "172.20.0.1", "100.64.1.1"].map {
      Packet(counter: "denied_destination", from: .gateway, source: Address.egress, destination: $0)
    } + [
      Packet(counter: "not_allowed", from: .gateway, source: Address.egress, destination: "8.8.8.8"),
      Packet(counter: "spoofed_source", from: .internet, source: "10.147.17.9", destination: "198.18.7.7"),
      Packet(counter: "spoofed_source", from: .internet, source: Address.egress, destination: "10.147.17.77"),
      Packet(counter: "unsolicited", from: .internet, source: nil, destination: Address.egress),
    ]

  /// Straight to the cloud server, whatever the sender's own routing would do with it.
  private func lead(_ packet: Packet, in lab: Lab) throws {
    let way =
      try packet.from == .gateway
      ? "via 10.147.17.2 dev \(lab.zeroTier(.gateway).device)" : "via 203.0.113.50 dev cloud-a onlink"
    try lab.namespace(packet.from).ip("route replace \(packet.destination)/32 \(way)")
  }

  @Test("each packet is dropped and counted by its own counter, and what is allowed passes")
  func refusals() throws {
    let stage = try Stage()
    let configuration = try stage.lab.configuration(for: .cloudA)
      .replacing("sources: [\(Address.tunnelNetwork)]", with: "sources: [\(Address.egress)/32]")
      .replacing(
        "wanInterface: auto",
        with: "wanInterface: auto\n  allow: [{protocol: udp, ports: [53]}, {protocol: tcp, ports: [80]}]")
    try stage.cloud.program.rewrite(configuration: configuration)
    #expect(try stage.cloud.run(["reload"]).status == .exited(0))
    try stage.expectInSync(stage.cloud)
    #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
    try stage.lab.resetLeaks()
    for packet in Self.packets {
      try lead(packet, in: stage.lab)
      let before = try stage.guardDrops(of: stage.cloud)
      let answer = stage.lab.ask(
        from: packet.from, source: packet.source, host: packet.destination, within: .milliseconds(50))
      #expect((try? answer.get()) == nil, "\(packet) was answered")
      let after = try stage.guardDrops(of: stage.cloud)
      for (name, count) in after {
        #expect(count - (before[name] ?? 0) == (name == packet.counter ? 1 : 0), "\(packet): \(name)")
      }
    }
    #expect(try stage.lab.leaks().total == 0)
    #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
  }

  @Test("the control: with nothing to allow or deny the same port is answered")
  func control() throws {
    let stage = try Stage()
    #expect(
      try stage.lab.ask(from: .gateway, source: Address.egress, host: "8.8.8.8").get()
        == Node.cloudA.publicAddress)
  }
}
