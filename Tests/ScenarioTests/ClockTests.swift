import Foundation
import JSON
import Lab
import Testing

@Suite("S27: the wall clock jumps", .serialized)
struct ClockTests {
  private static let year = Duration.seconds(365 * 86_400)

  /// Seconds since the epoch.
  private func seconds(_ time: JSONValue?) throws -> TimeInterval {
    try #require(ISO8601DateFormatter().date(from: time?.string ?? ""), "\(String(describing: time))")
      .timeIntervalSince1970
  }

  /// Waits for a pass by that clock, and checks that nothing is said to be later than now, or as long ago as the jump.
  private func expectClock(ahead: Duration, _ agent: AgentProcess) throws {
    let status = try agent.waitForStatus("a pass by the new clock", within: .seconds(3)) { status in
      let now = Date().timeIntervalSince1970 + ahead / .seconds(1)
      return try abs(now - seconds(status["reconcile"]?["lastAt"])) < 10
    }
    let now = Date().timeIntervalSince1970 + ahead / .seconds(1)
    for time in [
      status["startedAt"], status["phaseSince"], status["config"]?["loadedAt"],
      status["reconcile"]?["lastAt"],
    ] {
      // Whole seconds, and the test's own length.
      #expect(try (-1...180).contains(now - seconds(time)), "\(String(describing: time))")
    }
    #expect(status["phase"] == "ready", "\(status)")
  }

  /// Ages on the page for people are those of this test: seconds and minutes.
  private func expectAges(_ agent: AgentProcess, _ clock: SetClock) throws {
    let page = try agent.program.run(["status"], environment: clock.environment).stdout
    #expect(page.hasPrefix("● ready for "), "\(page)")
    let ages = page.matches(of: /\b\d+(?<unit>[smhd])(?= ago|:|, |\n| \d+[smh])/).map(\.output.unit)
    #expect(ages.count >= 4 && ages.allSatisfy { $0 == "s" || $0 == "m" }, "\(ages) in \(page)")
  }

  private func expectRepair(_ stage: Stage, _ watch: KernelWatch) throws {
    let start = Moment.now
    try stage.lab.namespace(.gateway).ip("rule del priority 150")
    let time = eventually(within: .seconds(2)) { watch.repairTime(since: start, of: .rule) }
    // The repair itself takes a millisecond; what looks when it is timed out takes seconds.
    #expect(try #require(time) < .milliseconds(100))
  }

  @Test("by a year either way and back: traffic, probes, repairs, polls and readings go on, and nobody ages")
  func jumps() throws {
    let stage = try Stage { configuration in
      configuration.replacing("resyncInterval: 5s", with: "resyncInterval: 1s")
        .replacing("listen: \"off\"", with: "listen: \"127.0.0.1:9479\"")
    }
    let clock = try SetClock(in: stage.lab)
    try stage.restartGateway(environment: clock.environment)
    let cloud = try stage.lab.restart(stage.cloud, environment: clock.environment)
    let settings = try Settings(of: stage)
    try stage.gateway.waitFor(phase: "ready", within: .seconds(5))
    let echoes = try EchoWatch(.gateway, in: stage.lab)
    let watch = try KernelWatch(.gateway, in: stage.lab)
    let phases = stage.gateway.log.phases + cloud.log.phases
    #expect(!phases.isEmpty)
    try stage.underTraffic { traffic in
      for jump in [Self.year, .zero, .zero - Self.year, .zero] {
        let (start, readings) = (Moment.now, try settings.readings())
        try clock.set(.ahead(jump))
        try expectRepair(stage, watch)
        try settings.expectPolled()
        try expectClock(ahead: jump, stage.gateway)
        try expectClock(ahead: jump, cloud)
        try expectAges(stage.gateway, clock)
        stage.lab.letPass(max(.zero, start + .seconds(3) - .now))
        let passed = (Moment.now - start) / .seconds(1)
        // Five a second, one reading a second; a busy machine may be late with some.
        let answers = Double(echoes.replies(from: "10.147.17.2", since: start).count) / passed
        #expect((3.5...6).contains(answers), "\(answers) answers a second")
        let read = Double(try settings.readings() - readings) / passed
        #expect((0.5...1.5).contains(read), "\(read) readings a second")
        _ = try traffic.waitForAnswers(after: .now, within: .seconds(1))
      }
      #expect(traffic.report.longestGap < .milliseconds(500), "\(traffic.report)")
    }
    // Nobody saw a reason to say anything else meanwhile.
    #expect(stage.gateway.log.phases + cloud.log.phases == phases)
    try stage.expectInSync()
    try stage.expectLeaksUnprotected()
  }

  @Test(
    "a start in 1970 or in 2099 is like any other, and the right time that comes later is told of all",
    arguments: ["1970-01-01 00:00:01", "2099-12-31 23:59:59"])
  func start(_ time: String) throws {
    let stage = try Stage()
    let clock = try SetClock(in: stage.lab)
    try stage.underTraffic { traffic in
      try clock.set(.at(time))
      try stage.restartGateway(environment: clock.environment)
      let status = try stage.gateway.waitFor(phase: "ready", within: .seconds(5))
      let year = time.prefix(4) == "1970" ? "1970-" : "2100-"
      #expect(
        try [status["startedAt"], status["reconcile"]?["lastAt"]].allSatisfy {
          try #require($0?.string).hasPrefix(year) || $0?.string?.hasPrefix(time.prefix(4)) == true
        }, "\(status)")
      try expectAges(stage.gateway, clock)
      // As when the first answer of a time server comes.
      try clock.set(.ahead(.zero))
      try expectClock(ahead: .zero, stage.gateway)
      try expectAges(stage.gateway, clock)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(1))
    }
    try stage.expectInSync()
    try stage.expectLeaksUnprotected()
  }
}

/// The gateway's configuration behind a symbolic link: what it points to is changed where no event tells of it, so
/// that only looking again does.
private struct Settings {
  private let stage: Stage
  private let path: String

  init(of stage: Stage) throws {
    self.stage = stage
    let configuration = stage.gateway.program.configurationPath
    path = "\(stage.lab.directory)/configuration/agent.yaml"
    try Command([
      "sh", "-c", "mkdir $(dirname \(path)) && mv \(configuration) \(path) && ln -s \(path) \(configuration)",
    ]).output()
  }

  /// Changes the answer to what is blocked, and waits until it is in the kernel.
  func expectPolled() throws {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let isProhibit = text.contains("whenDown: prohibit")
    let changed =
      isProhibit
      ? text.replacing("  whenDown: prohibit\n", with: "")
      : text.replacing("  egressIP:", with: "  whenDown: prohibit\n  egressIP:")
    try Command(["tee", path], input: changed).output()
    let wanted = isProhibit ? "blackhole default" : "prohibit default"
    let taken = try eventually(within: .seconds(2)) {
      try stage.lab.namespace(.gateway).ip("route show table 100").contains(wanted) ? true : nil
    }
    #expect(taken == true, "\(stage.gateway.log.suffix(2000))")
  }

  /// Full readings of the kernel because it was time.
  func readings() throws -> Int { try stage.metric("liteboxd_agent_resyncs_total{cause=\"interval\"}") }
}

extension String {
  /// The phases that a log tells of, without when.
  fileprivate var phases: [Substring] {
    split(separator: "\n").compactMap { line in line.range(of: " phase ").map { line[$0.upperBound...] } }
  }
}
