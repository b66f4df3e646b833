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
}
