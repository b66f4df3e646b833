import JSON
import Lab
import Testing

@Suite("S5: a peer that flaps every second", .serialized)
struct FlappingExitTests {
  /// The most openings and closings of the tunnel's default route within the minute with nowhere else to go.
  private static let mostChangesAlone = 4
  /// The same, and the most switches, with another exit.
  private static let mostSwitches = 2

  private struct Minute: Sendable {
    let changes: [KernelWatch.TunnelDefault]
    let switches: Int
    let leaks: LeakCount
  }

  @Test("does not make routes flap, and nothing leaks")
  func flapping() throws {
    let minutes = try inParallel(2) { try Self.flap($0 == 0 ? .one : .two) }
    let (alone, two) = (minutes[0], minutes[1])
    print("one exit that flaps for a minute: \(alone.changes.count) changes of the tunnel's default route")
    print("with a standby: \(two.changes.count) changes, \(two.switches) switches")
    #expect(alone.changes.count <= Self.mostChangesAlone, "\(alone.changes)")
    #expect(two.changes.count <= Self.mostSwitches, "\(two.changes)")
    #expect((0...Self.mostSwitches).contains(two.switches))
    for minute in minutes { #expect(minute.leaks.total == 0, "\(minute.leaks)") }
  }

  /// Dead for a second, back for a second, for a minute.
  private static func flap(_ clouds: CloudServers) throws -> Minute {
    let stage = try Stage(clouds: clouds) {
      $0.replacing("recoverAfter: 2", with: "recoverAfter: 5")
        .replacing("failbackAfter: 2s", with: "failbackAfter: 5s")
        .replacing("listen: \"off\"", with: "listen: \"127.0.0.1:9479\"")
    }
    try stage.lab.resetLeaks()
    let traffic = try stage.lab.startTraffic(Stage.everyFlow, perSecond: 10)
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    let watch = try KernelWatch(.gateway, in: stage.lab)
    let start = Moment.now
    for second in 0..<60 {
      try second % 2 == 0 ? stage.lab.cut(.cloudA) : stage.lab.heal(.cloudA)
      let end = start + .seconds(second + 1)
      stage.lab.letPass(max(.zero, end - .now))
    }
    let changes = watch.tunnelDefaults(since: start)
    let switches = try stage.metric("liteboxd_agent_exit_switches_total")
    try traffic.stop()
    return Minute(changes: changes, switches: switches, leaks: try stage.lab.leaks())
  }
}
