import Model
import Testing
import ZeroTier

@Suite("What zerotier-one's answers say")
struct ReportTests {
  static let network = ZeroTierNetworkID("33ffeb838b000001")!

  func joined(_ name: String, about id: String = "33ffeb838b000001") throws -> NetworkReport? {
    let network = try #require(ZeroTierNetworkID(id))
    guard case .joined(let report) = try NetworkAnswer(status: 200, body: recorded(name), about: network)
    else {
      return nil
    }
    return report
  }

  @Test("the list of networks is read, and what is no list is a failure")
  func list() throws {
    let items = try ["network-ok", "network-two-addresses"].map { try recorded($0) }
    let body = [UInt8](ascii: "[") + Array(items.joined(separator: [UInt8](ascii: ","))) + [UInt8](ascii: "]")
    let reports = try NetworkReport.list(status: 200, body: body)
    #expect(reports.map(\.id.description) == ["33ffeb838b000001", "5c304f20d0000001"])
    #expect(try NetworkReport.list(status: 200, body: [UInt8](ascii: "[]")).isEmpty)
    #expect(throws: APIFailure.unauthorized) {
      try NetworkReport.list(status: 401, body: [UInt8](ascii: "{}"))
    }
    #expect(throws: APIFailure.malformed("no JSON list")) {
      try NetworkReport.list(status: 200, body: [UInt8](ascii: "{}"))
    }
    #expect(throws: APIFailure.self) { try NetworkReport.list(status: 200, body: [UInt8](ascii: "[1]")) }
  }

  @Test(
    "every state of a membership is read, with what still hangs on it",
    arguments: [
      ("network-requesting", "deadbeef01000001", NetworkStatus.requestingConfiguration, "ztggwl53ya", []),
      ("network-just-joined", "33ffeb838b000001", .requestingConfiguration, "ztwb2oxa4k", []),
      ("network-not-found", "33ffeb838b0000ff", .notFound, "ztwb2oxa3u", []),
      ("network-access-denied", "33ffeb838b000001", .accessDenied, "ztwb2oxa4k", []),
      ("network-ok", "33ffeb838b000001", .ok, "ztwb2oxa4k", ["10.147.17.1/24"]),
      (
        "network-two-addresses", "5c304f20d0000001", .ok, "ztptqe6igr", ["10.147.17.1/24", "10.147.17.77/24"]
      ),
      ("network-deauthorised", "f3c4c42793000001", .accessDenied, "zt2rl4ij4s", ["10.147.17.1/24"]),
      ("network-name-collision", "33ffeb838b000001", .requestingConfiguration, "ztwb2oxa4l", []),
      ("network-devicemap", "33ffeb838b000001", .requestingConfiguration, "ztegress0", []),
    ])
  func states(
    _ name: String, _ id: String, _ status: NetworkStatus, _ interface: String, _ addresses: [String]
  ) throws {
    let report = try #require(try joined(name, about: id))
    #expect(report.status == status)
    #expect(report.interface?.text == interface)
    #expect(report.assignedAddresses.map(\.description) == addresses)
    #expect(report.mtu == 2800 && !report.allowDefault && !report.allowGlobal)
  }

  @Test("a network's name and managed routes are read")
  func routes() throws {
    let report = try #require(try joined("network-managed-routes"))
    let exit = IPAddress("10.147.17.2")
    #expect(report.name == "liteboxd-lab" && report.allowDefault)
    #expect(
      report.routes == [
        ManagedRoute(to: try CIDR(parsing: "10.147.17.0/24"), via: nil),
        ManagedRoute(to: try CIDR(parsing: "172.30.7.0/24"), via: exit),
        ManagedRoute(to: .everything(.ipv4), via: exit),
      ])
    #expect(report.assignedAddresses.first?.network.description == "10.147.17.0/24")
  }

  @Test("a network that was never joined, and nothing else, is not joined")
  func notJoined() throws {
    let empty = try recorded("network-not-joined")
    #expect(try NetworkAnswer(status: 404, body: empty, about: Self.network) == .notJoined)
    for body in ["", "[]", "{\"id\": \"x\"}", "<html>"] {
      #expect(throws: APIFailure.unexpectedStatus(404)) {
        try NetworkAnswer(status: 404, body: Array(body.utf8), about: Self.network)
      }
    }
    #expect(throws: APIFailure.unauthorized) {
      try NetworkAnswer(status: 401, body: empty, about: Self.network)
    }
    #expect(throws: APIFailure.unexpectedStatus(500)) {
      try NetworkAnswer(status: 500, body: empty, about: Self.network)
    }
    #expect(throws: APIFailure.malformed("id: no text")) {
      try NetworkAnswer(status: 200, body: empty, about: Self.network)
    }
  }

  @Test("an answer about another network is none about ours")
  func anotherNetwork() throws {
    let other = try #require(ZeroTierNetworkID("5c304f20d0000001"))
    #expect(throws: APIFailure.anotherNetwork(other)) {
      try NetworkAnswer(status: 200, body: recorded("network-two-addresses"), about: Self.network)
    }
  }

  @Test("the node says who it is and whether it sees its roots")
  func node() throws {
    let online = try NodeReport(status: 200, body: recorded("status-online"))
    #expect(
      online
        == NodeReport(
          address: try #require(ZeroTierNodeID("a523cc24a1")), online: true, version: "1.14.1",
          clock: online.clock))
    #expect(try #require(online.clock) > .seconds(1_700_000_000))
    #expect(try !NodeReport(status: 200, body: recorded("status-offline")).online)
    #expect(throws: APIFailure.unauthorized) { try NodeReport(status: 401, body: Array("{}".utf8)) }
  }

  @Test(
    "a peer's path is direct or it is not known without a probe",
    arguments: [
      ("peer-direct", "89e2f8ab78", PeerPath.direct(IPAddress("192.0.2.20")!, port: 51315), 11, "1.14.1"),
      ("peer-several-paths", "baa5c25c67", .direct(IPAddress("192.0.2.20")!, port: 65333), 0, "1.14.1"),
      ("peer-relayed", "7f943040ca", .unknown, nil, "1.14.1"),
      ("peer-never-met", "b8824df59a", .unknown, nil, nil),
    ] as [(String, String, PeerPath, Int?, String?)])
  func peers(_ name: String, _ address: String, _ path: PeerPath, _ latency: Int?, _ version: String?) throws
  {
    let peer = try #require(ZeroTierNodeID(address))
    let report = try #require(try PeerReport.parse(status: 200, body: recorded(name), about: peer))
    #expect(report.path == path && report.version == version && report.address == peer)
    #expect(report.latency == latency.map { .milliseconds($0) })
    if path == .unknown {
      #expect(report.path.knowing(.answered) == .relayed && report.path.knowing(.silent) == .unknown)
    }
  }

  @Test("a peer that the node does not know is nil, and another one is malformed")
  func unknownPeer() throws {
    let peer = try #require(ZeroTierNodeID("0123456789"))
    #expect(try PeerReport.parse(status: 200, body: recorded("peer-unknown"), about: peer) == nil)
    #expect(throws: APIFailure.malformed("address: not the peer 0123456789 that was asked for")) {
      try PeerReport.parse(status: 200, body: recorded("peer-direct"), about: peer)
    }
  }
}

extension [UInt8] {
  fileprivate init(ascii text: String) { self.init(text.utf8) }
}
