import Lab
import Testing

@Suite("An exit is switched under load", .serialized)
struct SwitchTests {
  @Test(
    "new flows go through the standby within 100 ms of the decision, no established one hangs, nothing leaks")
  func underThousandFlows() throws {
    let stage = try Stage(clouds: .two) { $0.replacing("failbackAfter: 2s", with: "failbackAfter: 1h") }
    let load = try Load(on: stage.lab)
    let watch = try KernelWatch(.gateway, in: stage.lab)
    let start = Moment.now
    try stage.lab.cut(.cloudA)
    let decision = try watch.waitForTunnelDefault(since: start, within: .seconds(3)) {
      $0.exits == [Node.cloudB.tunnelAddress]
    }
    let standby = try #require(Node.cloudB.publicAddress)
    let first = try #require(
      eventually(within: .seconds(2)) {
        load.fresh.firstAnswer(toOneBegunAfter: decision.time, seenAs: standby)
      })
    stage.lab.letPass(.seconds(5))
    load.flows.stirQuiet()
    stage.lab.letPass(.seconds(2))
    let (busy, quiet) = (load.flows.busy, load.flows.quiet)
    let fresh = load.fresh.attempts(since: decision.time).filter {
      $0.began < decision.time + .milliseconds(500)
    }
    let udp = try load.stop()
    print(
      "switched \(decision.time - start) after the cut; the first new flow answered \(first - decision.time) later"
    )
    print("  a thousand flows: \(busy)")
    print("  reset after the decision \(spread(busy.breaks.map { $0 - decision.time }))")
    print("  then back after \(spread(busy.recoveries)); in all without an answer \(spread(busy.outages))")
    print(
      "  \(busy.hanging(for: .seconds(5))) of them hang after 5 s, \(quiet.hanging(for: .seconds(1))) quiet ones"
    )
    print("  quiet: \(quiet); back after \(spread(quiet.recoveries))")
    print(
      "  new flows of the next 500 ms: \(fresh.count), answered after \(spread(fresh.compactMap(\.took)))")
    print("  datagrams from one socket: \(udp)")
    #expect(first - decision.time < .milliseconds(100))
    #expect(fresh.allSatisfy { $0.seenAs == standby && $0.took ?? .seconds(9) < .milliseconds(500) })
    #expect(busy.hanging(for: .seconds(5)) == 0 && busy.standing == 1000, "\(busy)")
    #expect(quiet.hanging(for: .seconds(1)) == 0, "\(quiet)")
    #expect(udp.seenAddresses.contains(standby) && udp.longestGap < .seconds(2))
    #expect(try stage.lab.leaks().total == 0)
  }
}

/// Established, quiet and new flows, and datagrams.
private struct Load {
  let flows: ManyFlows
  let fresh: NewFlows
  private let traffic: Traffic

  init(on lab: Lab) throws {
    try lab.resetLeaks()
    var options = ManyFlows.Options()
    options.quiet = 100
    flows = try lab.startManyFlows(options)
    fresh = try lab.startNewFlows()
    traffic = try lab.startTraffic([TrafficFlow(.forwarded, .udp)], perSecond: 50)
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    lab.letPass(.seconds(1))
  }

  func stop() throws -> TrafficReport.Count {
    try flows.stop()
    try fresh.stop()
    return try traffic.stop()[.forwarded, .udp]
  }
}
