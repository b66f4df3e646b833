import JSON
import Lab
import Testing

@Suite("The simulated ZeroTier", .serialized)
struct ZeroTierTests {
  @Test("answers as the recorded one does")
  func answers() throws {
    let lab = try Lab()
    defer { lab.close() }
    let gateway = try lab.zeroTier(.gateway)
    let status = try JSONValue(parsing: gateway.request("/status").body.utf8)
    #expect(status["address"]?.string == "a523cc24a1")
    #expect(status["online"]?.bool == true)
    let network = try JSONValue(parsing: gateway.request("/network/\(ZeroTierNode.networkID)").body.utf8)
    #expect(network["portDeviceName"]?.string == gateway.device)
    #expect(network["assignedAddresses"] == ["10.147.17.1/24"])
    #expect(network["status"] == "OK")
    // The hardware address that ZeroTier makes of the recorded node and network.
    #expect(network["mac"] == "02:a5:23:47:a7:4a")
    #expect(try lab.namespace(.gateway).ip("link show \(gateway.device)").contains("02:a5:23:47:a7:4a"))
    let peers = try JSONValue(parsing: gateway.request("/peer").body.utf8).array ?? []
    #expect(peers.map { $0["address"]?.string } == ["33ffeb838b", "89e2f8ab78"])
    #expect(try gateway.request("/peer/89e2f8ab78").body.contains("\"role\":\"LEAF\""))
  }

  /// Path, token (nil: the right one), code and body as recorded.
  static let refusals: [(String, String?, Int, String)] = [
    ("/status", "wrong", 401, "{}"), ("/nosuch", "wrong", 401, "{}"), ("/nosuch", nil, 404, ""),
    ("/network/0123456789abcdef", nil, 404, "{}"), ("/network/0123", nil, 404, ""),
    ("/network/", nil, 404, ""),
    ("/peer/0123456789", nil, 200, "{}"), ("/peer/0123", nil, 404, ""),
  ]

  @Test("refuses as the recorded one does")
  func refuses() throws {
    let lab = try Lab()
    defer { lab.close() }
    for (path, token, code, body) in ZeroTierTests.refusals {
      let answer = try lab.zeroTier(.gateway).request(path, token: token)
      #expect(answer.code == code && answer.body == body, "\(path): \(answer)")
    }
  }

  @Test("each fault of its API shows on the wire")
  func faults() throws {
    let lab = try Lab()
    defer { lab.close() }
    let gateway = try lab.zeroTier(.gateway)
    let own = "/network/\(ZeroTierNode.networkID)"
    func ask(_ fault: ZeroTierAPIFault, _ path: String = "/network") throws -> (code: Int?, body: String) {
      try gateway.tell(.api(fault))
      return try gateway.request(path, within: .milliseconds(200))
    }
    for fault in [ZeroTierAPIFault.hangs, .refused, .noHTTP, .oneBytePerSecond, .hugeBody] {
      #expect(throws: LabError.self, "\(fault)") { try ask(fault) }
    }
    #expect(throws: JSONError.self) { try JSONValue(parsing: ask(.garbage).body.utf8) }
    #expect(try ask(.status401).code == 401)
    #expect(try ask(.status500).code == 500)
    #expect(try ask(.anotherNetwork, own).body.contains("8056c2e21c000001"))
    #expect(try ask(.emptyList).body == "[]")
    #expect(try ask(.emptyList, own).code == 404)
    #expect(try ask(.normal).body.contains(ZeroTierNode.networkID))
  }

  @Test("what the controller said shows in the network's status", arguments: ZeroTierNetworkState.allCases)
  func networkStates(_ state: ZeroTierNetworkState) throws {
    let lab = try Lab()
    defer { lab.close() }
    let gateway = try lab.zeroTier(.gateway)
    try gateway.tell(.network(state))
    let answer = try gateway.request("/network/\(ZeroTierNode.networkID)")
    guard state != .notJoined else {
      #expect(answer.code == 404)
      return
    }
    let network = try JSONValue(parsing: answer.body.utf8)
    #expect(network["status"] != nil && (network["status"] == "OK") == (state == .ok))
    let hasAddress = state == .ok || state == .deauthorised
    #expect(network["assignedAddresses"]?.array?.isEmpty == !hasAddress)
    try lab.followPlanByHand()
    let fetched = lab.fetch(from: .pod, within: .milliseconds(state == .ok ? 2000 : 200))
    #expect((try? fetched.get()) == (state == .ok ? "203.0.113.50" : nil))
  }

  @Test("a token may change in the file alone, and a port moves")
  func tokenAndPort() throws {
    let lab = try Lab()
    defer { lab.close() }
    let gateway = try lab.zeroTier(.gateway)
    try gateway.tell(.tokenFile("notyetread"))
    #expect(try gateway.request("/status").code == 401)
    try gateway.tell(.token("inforce"))
    #expect(try gateway.request("/status").code == 200)
    try gateway.tell(.apiPort(19993))
    #expect(try gateway.request("/status").code == 200)
  }

  @Test("a restart makes a new interface, offline at first, and traffic flows again")
  func restart() throws {
    let lab = try Lab()
    defer { lab.close() }
    let gateway = try lab.zeroTier(.gateway)
    let before = try lab.namespace(.gateway).ip("-o link show \(gateway.device)").prefix { $0 != ":" }
    try gateway.terminate()
    #expect(throws: LabError.self) { try lab.namespace(.gateway).ip("link show \(gateway.device)") }
    try gateway.restart(device: "ztother000")
    #expect(gateway.device == "ztother000")
    let after = try lab.namespace(.gateway).ip("-o link show ztother000")
    #expect(after.prefix { $0 != ":" } != before && after.contains("mtu 2800"))
    #expect(try gateway.request("/status").body.contains("\"online\":false"))
    try lab.followPlanByHand()
    #expect(try lab.fetch(from: .pod, within: .seconds(5)).get() == "203.0.113.50")
  }

  @Test("a peer falls silent with the link up and the API content")
  func deadPeer() throws {
    let lab = try Lab(.init(clouds: .two))
    defer { lab.close() }
    let gateway = try lab.zeroTier(.gateway)
    try lab.followPlanByHand()
    try gateway.tell(.dropFrames(of: .cloudB))
    #expect(try lab.fetch(from: .pod).get() == "203.0.113.50")
    try gateway.tell(.dropFrames(of: .cloudA))
    #expect((try? lab.fetch(from: .pod, within: .milliseconds(200)).get()) == nil)
    #expect(try gateway.request("/network").body.contains("\"status\":\"OK\""))
    try gateway.tell(.passFrames)
    #expect(try lab.fetch(from: .pod).get() == "203.0.113.50")
  }

  @Test("a deleted address, a changed address, a second network and managed defaults show in the kernel")
  func kernel() throws {
    let lab = try Lab()
    defer { lab.close() }
    let (gateway, host) = (try lab.zeroTier(.gateway), try lab.namespace(.gateway))
    try gateway.tell(.addressDelete)
    #expect(try !host.ip("addr show \(gateway.device)").contains("10.147.17.1/24"))
    try gateway.tell(.addressAdd)
    try gateway.tell(.managedDefault)
    #expect(try host.ip("route show").contains("128.0.0.0/1 via 10.147.17.2"))
    try gateway.tell(.addressChange("10.147.17.9"))
    #expect(try host.ip("addr show \(gateway.device)").contains("10.147.17.9/24"))
    #expect(try gateway.request("/network").body.contains("10.147.17.9/24"))
    try gateway.tell(.otherNetwork(id: "8056c2e21c000001", device: "ztaaaaaaaa"))
    #expect(try host.ip("addr show ztaaaaaaaa").contains("172.27.5.1"))
    let listed = try JSONValue(parsing: gateway.request("/network").body.utf8).array ?? []
    #expect(listed.map { $0["id"]?.string } == ["8056c2e21c000001", ZeroTierNode.networkID])
  }
}
