import JSON
import Lab
import Testing

@Suite("S40: a cloud server's public address changes", .serialized)
struct PublicAddressTests {
  fileprivate static let other = "203.0.113.60"

  /// What moves, as commands on the cloud server and in the Internet.
  enum Move: String, CaseIterable, Sendable {
    case address

    func strike(_ lab: Lab) throws {
      let (cloud, internet) = (try lab.namespace(.cloudA), try lab.namespace(.internet))
      let old = Node.cloudA.publicAddress ?? ""
      switch self {
      case .address:
        try internet.ip("route add \(PublicAddressTests.other)/32 dev cloud-a")
        try cloud.ip(batch: [
          "addr del \(old)/26 dev eth0", "addr add \(PublicAddressTests.other)/26 dev eth0",
          "route add default via \(Address.cloudRouter)",
        ])
      }
    }
  }

  @Test(
    "it is followed within a poll, new flows have the new address, and traffic goes on",
    arguments: Move.allCases)
  func followed(_ move: Move) throws {
    let stage = try Stage()
    #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
    try stage.underTraffic(TrafficFlow.all) { traffic in
      try move.strike(stage.lab)
      let start = Moment.now
      let status = try stage.cloud.waitForStatus("the other address", within: .seconds(3)) { status in
        status["wan"]?["addresses"]?.array?.contains { $0.string?.hasPrefix("\(Self.other)/") == true }
          == true
          && status["wan"]?["interface"]?.string == "eth0"
      }
      #expect(Moment.now - start < .milliseconds(750), "\(status["wan"]?.text ?? "")")
      for _ in 0..<5 { #expect(try stage.lab.fetch(from: .pod).get() == Self.other) }
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    try stage.cloud.waitFor(phase: "ready", within: .seconds(3))
    try stage.expectInSync(stage.cloud)
    try stage.expectInSync()
  }

}
