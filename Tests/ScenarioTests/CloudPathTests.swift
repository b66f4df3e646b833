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
          "addr del \(old)/24 dev eth0", "addr add \(PublicAddressTests.other)/24 dev eth0",
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

@Suite("S41: the path's MTU is smaller than the client's and ICMP is blocked", .serialized)
struct SmallPathTests {
  private static let size = 10_000_000

  /// A WAN of 1300 octets whose far end knows nothing of it: larger frames vanish there without a word. What is
  /// sent into it is cut into segments first, else the links would pass a whole bundle at once.
  private func narrow(_ lab: Lab) throws {
    let (cloud, internet) = (try lab.namespace(.cloudA), try lab.namespace(.internet))
    try cloud.ip("link set eth0 mtu 1300")
    try internet.ip("link set cloud-a gso_max_segs 1")
    for namespace in [cloud, internet] {
      try namespace.nft(
        ruleset: """
          table inet no_icmp {
            chain c { type filter hook output priority 300; meta l4proto { icmp, ipv6-icmp } drop; }
          }
          """)
    }
  }

  @Test("a download of 10 MB completes")
  func completes() throws {
    let stage = try Stage()
    try narrow(stage.lab)
    let body = try stage.lab.fetch(from: .pod, path: "/bytes/\(Self.size)", within: .seconds(60)).get()
    #expect(body.utf8.count == Self.size)
    try stage.expectInSync(stage.cloud)
  }

  @Test("the control: without clamping it stalls")
  func control() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.followPlanByHand()
    try narrow(lab)
    let fetched = lab.fetch(from: .pod, path: "/bytes/\(Self.size)", within: .seconds(2))
    #expect(throws: LabError.self) { try fetched.get() }
  }
}
