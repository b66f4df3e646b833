import JSON
import Lab
import Testing

@Suite("Outages of exits", .serialized)
struct ExitToolTests {
  @Test(
    "a cut exit is silent with every link up, the other exit answers, and healing one heals that one alone")
  func cut() throws {
    let lab = try Lab(.init(clouds: .two))
    defer { lab.close() }
    func answers(_ cloud: Node) throws -> Bool {
      let ping = ["ping", "-n", "-c", "1", "-W", "1", cloud.tunnelAddress ?? ""]
      return try lab.namespace(.gateway).execute(ping).run().status == .exited(0)
    }
    #expect(try answers(.cloudA) && answers(.cloudB))
    try lab.cut(.cloudA)
    #expect(try !answers(.cloudA) && answers(.cloudB))
    try lab.cut(.cloudB)
    try lab.heal(.cloudA)
    #expect(try answers(.cloudA) && !answers(.cloudB))
    for node in [Node.gateway, .cloudA, .cloudB] {
      let zerotier = try lab.zeroTier(node)
      #expect(try lab.namespace(node).ip("link show \(zerotier.device)").contains("LOWER_UP"))
      #expect(try zerotier.request("/network").body.contains("\"status\":\"OK\""))
    }
  }

  @Test("a cloud server whose WAN is cut answers in the tunnel, and what it would leak is still counted")
  func cutWAN() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.followPlanByHand()
    #expect(try lab.fetch(from: .pod).get() == "203.0.113.50")
    try lab.cutWAN(of: .cloudA)
    #expect((try? lab.fetch(from: .pod, within: .milliseconds(200)).get()) == nil)
    #expect((try? lab.ask(from: .cloudA, within: .milliseconds(100)).get()) == nil)
    let ping = ["ping", "-n", "-c", "1", "-W", "1", Node.cloudA.tunnelAddress ?? ""]
    #expect(try lab.namespace(.gateway).execute(ping).run().status == .exited(0))
    #expect(try lab.namespace(.cloudA).ip("link show eth0").contains("LOWER_UP"))
    try lab.healWAN(of: .cloudA)
    #expect(try lab.fetch(from: .pod).get() == "203.0.113.50")
    try lab.cutWAN(of: .cloudA)
    try lab.namespace(.cloudA).nft("flush", "ruleset")
    _ = lab.ask(from: .cloudA, source: "10.147.17.77", within: .milliseconds(50))
    #expect(try lab.leaks().cloud == 1)
  }

  @Test("what comes from an exit may take its time, each packet another")
  func delay() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.delay(.cloudA, byMilliseconds: 50...150)
    let ping = ["ping", "-n", "-i", "0.01", "-c", "20", Node.cloudA.tunnelAddress ?? ""]
    let said = try lab.namespace(.gateway).execute(ping).output()
    #expect(said.contains("20 received"), "\(said)")
    let summary = said.split(separator: "\n").last?.split(separator: "=").last ?? ""
    let times = summary.split(separator: "/").compactMap { Double($0.filter { $0.isNumber || $0 == "." }) }
    #expect(
      times.count == 4 && times[0] >= 50 && times[0] < 80 && times[2] > 100 && times[2] < 400, "\(said)")
  }

  @Test("each peer may be told of in its own way")
  func peers() throws {
    let lab = try Lab(.init(clouds: .two))
    defer { lab.close() }
    let gateway = try lab.zeroTier(.gateway)
    func peer(_ cloud: Node) throws -> JSONValue {
      try JSONValue(parsing: gateway.request("/peer/\(cloud.zeroTierID ?? "")").body.utf8)
    }
    func lastReceive(_ peer: JSONValue) -> Int64 {
      peer["paths"]?.array?.compactMap { $0["lastReceive"]?.integer }.max() ?? -1
    }
    try gateway.tell(.peer(.cloudA, .relayed))
    try gateway.tell(.peer(.cloudB, ZeroTierPeer(.direct, latency: 240, version: "1.12.2")))
    let relayed = try peer(.cloudA)
    #expect(relayed["paths"] == [] && relayed["latency"]?.integer == -1)
    let slow = try peer(.cloudB)
    #expect(
      slow["latency"]?.integer == 240 && slow["version"] == "1.12.2" && slow["versionMinor"]?.integer == 12)
    #expect(slow["paths"]?.array?.count == 2)
    try gateway.tell(.peer(.cloudA, .silent))
    let (then, other) = (lastReceive(try peer(.cloudA)), lastReceive(try peer(.cloudB)))
    #expect(then > 0)
    lab.letPass(.milliseconds(20))
    #expect(lastReceive(try peer(.cloudA)) == then)
    #expect(lastReceive(try peer(.cloudB)) > other)
    try gateway.tell(.peer(.cloudA, ZeroTierPeer(.pathless, version: "-1.-1.-1")))
    #expect(try peer(.cloudA)["versionMajor"]?.integer == -1)
    try gateway.tell(.peer(.cloudA, .unlisted))
    #expect(try gateway.request("/peer/\(Node.cloudA.zeroTierID ?? "")").body == "{}")
    try gateway.tell(.peer(.cloudA, nil))
    #expect(try peer(.cloudA)["latency"]?.integer == 11)
  }

  @Test("the tunnel's default route is followed from outside, next hop by next hop")
  func tunnelDefault() throws {
    let lab = try Lab(.init(clouds: .two))
    defer { lab.close() }
    let device = try lab.zeroTier(.gateway).device
    let gateway = try lab.namespace(.gateway)
    let watch = try KernelWatch(.gateway, in: lab)
    let start = Moment.now
    try gateway.ip("route add default via 10.147.17.2 dev \(device) table 100")
    try gateway.ip("route add 8.8.8.0/24 via 10.147.17.2 dev \(device) table 100")
    try gateway.ip("route replace default via 10.147.17.3 dev \(device) table 100")
    try gateway.ip(
      "route replace default table 100 nexthop via 10.147.17.2 dev \(device) nexthop via 10.147.17.3 dev \(device)"
    )
    try gateway.ip("route del default table 100")
    _ = try watch.waitForTunnelDefault(since: start, within: .seconds(1)) { !$0.isOpen }
    #expect(
      watch.tunnelDefaults(since: start).map(\.exits) == [
        ["10.147.17.2"], ["10.147.17.3"], ["10.147.17.2", "10.147.17.3"], [],
      ])
  }

  @Test("answers to echo requests are heard beside whoever asked")
  func echoes() throws {
    let lab = try Lab()
    defer { lab.close() }
    let watch = try EchoWatch(.gateway, in: lab)
    let start = Moment.now
    try lab.namespace(.gateway).execute(["ping", "-n", "-c", "2", "-i", "0.1", "10.147.17.2"]).output()
    let heard = eventually(within: .seconds(1)) {
      watch.replies(from: "10.147.17.2", since: start).count == 2 ? true : nil
    }
    #expect(heard == true)
    #expect(watch.replies(from: "10.147.17.3", since: start).isEmpty)
  }
}
