import Lab
import Testing

@Suite("Very many flows", .serialized)
struct ManyFlowsTests {
  @Test("a thousand connections and a new one every five milliseconds are answered while the tunnel stands")
  func standing() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.followPlanByHand()
    var options = ManyFlows.Options()
    options.quiet = 100
    let flows = try lab.startManyFlows(options)
    let fresh = try lab.startNewFlows()
    lab.letPass(.seconds(2))
    flows.stirQuiet()
    let quietDone = eventually(within: .seconds(2)) { flows.quiet.answered == 100 ? true : nil }
    #expect(quietDone == true, "\(flows.quiet)")
    let (busy, attempts) = (flows.busy, fresh.attempts)
    try flows.stop()
    try fresh.stop()
    #expect(busy.sent > 3500 && busy.answered > 3000, "\(busy)")
    #expect(busy.lost == 0 && busy.resets == 0 && busy.standing == 1000, "\(busy)")
    #expect(attempts.count > 300)
    let late = attempts.dropLast(40).filter { $0.took ?? .seconds(9) > .milliseconds(500) }
    #expect(late.isEmpty, "\(late.count) of \(attempts.count)")
    #expect(Set(attempts.compactMap(\.seenAs)) == ["203.0.113.50"])
  }

  @Test("a reset, a silence and a return are told apart")
  func broken() throws {
    let lab = try Lab(.init(clouds: .two))
    defer { lab.close() }
    try lab.followPlanByHand()
    try lab.openCloudByHand(.cloudB)
    var options = ManyFlows.Options()
    options.connections = 50
    options.quiet = 10
    options.perSecond = 200
    options.limit = .milliseconds(300)
    let flows = try lab.startManyFlows(options)
    lab.letPass(.milliseconds(500))
    try lab.cut(.cloudA)
    lab.letPass(.seconds(1))
    let silent = flows.busy
    #expect(silent.hanging(for: .milliseconds(500)) == 50 && silent.lost > 50, "\(silent)")
    #expect(silent.resets == 0 && flows.quiet.standing == 10)
    // Under another address the server knows none of them: each learns it as it asks.
    let device = try lab.zeroTier(.gateway).device
    try lab.namespace(.gateway).ip("route replace default via 10.147.17.3 dev \(device) table 100")
    let recovered = eventually(within: .seconds(10)) { flows.busy.recoveries.count == 50 ? true : nil }
    #expect(recovered == true && flows.busy.resets == 50, "\(flows.busy)")
    #expect(flows.quiet.resets == 0 && flows.quiet.standing == 10)
    flows.stirQuiet()
    let stirred = eventually(within: .seconds(3)) { flows.quiet.recoveries.count == 10 ? true : nil }
    #expect(stirred == true && flows.quiet.resets == 10, "\(flows.quiet)")
    try flows.stop()
  }
}
