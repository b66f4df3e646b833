import Lab
import Testing

@Suite("S38: flows that began without source NAT", .serialized)
struct UntranslatedFlowTests {
  @Test(
    "begin anew once it is there, from the same socket; what needs none goes on, and nothing leaves untranslated"
  )
  func freed() throws {
    let lab = try Lab()
    defer { lab.close() }
    // A server that forwards and does not translate, as one does that somebody has begun to set up.
    let cloud = try lab.namespace(.cloudA)
    try cloud.setSysctls(["net.ipv4.ip_forward": "1"])
    try cloud.nft(
      ruleset: "table ip watch { chain c { type filter hook forward priority 0; ct state new accept; }; }")
    try lab.startAgent(on: .gateway).waitFor(phase: "ready", within: .seconds(10))
    try lab.resetLeaks()
    let flows: Set<TrafficFlow> = [TrafficFlow(.forwarded, .udp), TrafficFlow(.bound, .udp)]
    let traffic = try lab.startTraffic(flows, perSecond: 50)
    // The control: untranslated they leave, and are counted.
    let leaked = eventually(within: .seconds(5)) { ((try? lab.leaks().total) ?? 0) > 20 ? true : nil }
    #expect(leaked == true && traffic.report.answered == 0)
    let agent = try lab.startAgent(on: .cloudA)
    try agent.waitFor(phase: "ready", within: .seconds(10))
    try lab.resetLeaks()
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    let report = try traffic.stop()
    #expect(try lab.leaks().total == 0)
    #expect(report[.forwarded, .udp].seenAddresses == [Node.cloudA.publicAddress], "\(report)")
    #expect(agent.log.contains("flows that were not translated begin anew"), "\(agent.log)")
  }

  @Test("connection tracking is read after changes of source NAT and its sources, and after nothing else")
  func reading() throws {
    let stage = try Stage()
    func readings() -> Int {
      stage.cloud.log.split(separator: "\n").count { $0.contains("connection tracking was looked through") }
    }
    func afterwards(_ count: Int) -> Bool {
      eventually(within: .seconds(3)) { readings() == count ? true : nil } == true
    }
    #expect(readings() == 1, "\(stage.cloud.log)")
    try stage.reconfigureCloud("wanInterface: auto\n  allow: [{protocol: tcp, ports: [80]}]")
    try stage.reconfigureCloud("wanInterface: auto\n  mss: off")
    try stage.lab.namespace(.cloudA).setSysctls(["net.ipv4.ip_forward": "0"])
    let repaired = try eventually(within: .seconds(3)) {
      try stage.lab.namespace(.cloudA).sysctl("net.ipv4.ip_forward") == "1" ? true : nil
    }
    #expect(repaired == true)
    #expect(readings() == 1, "\(stage.cloud.log)")
    try stage.reconfigureCloud("wanInterface: auto\n  snat: \(Node.cloudA.publicAddress ?? "")")
    #expect(afterwards(2), "\(stage.cloud.log)")
    try stage.lab.namespace(.cloudA).ip("addr add 203.0.113.62/26 dev eth0")
    #expect(afterwards(3), "\(stage.cloud.log)")
  }
}
