import Foundation
import JSON
import Lab
import Testing

/// A gateway and a cloud server under the eyes of a Prometheus with the shipped rules. Its time runs `factor` times as
/// fast: every duration of the rules is divided by that, `5m` being 2.5 s and yesterday twelve minutes ago.
private final class Monitoring {
  static let factor = 120
  static let gatewayAddress = "\(Address.uplink):9479"
  static let cloudAddress = "\(Node.cloudA.publicAddress ?? ""):9479"

  let stage: Stage
  let prometheus: Prometheus
  private(set) var cloud: AgentProcess

  init() throws {
    stage = try Stage(clouds: .two) {
      $0.replacing("listen: \"off\"", with: "listen: \"\(Self.gatewayAddress)\"")
        .replacing("failbackAfter: 2s", with: "failbackAfter: 1h")
    }
    cloud = stage.cloud
    try cloud.program.rewrite(
      configuration: try stage.lab.configuration(for: .cloudA, metrics: Self.cloudAddress))
    #expect(try cloud.run(["reload"]).status == .exited(0))
    var options = Prometheus.Options(targets: [
      ("gateway", Self.gatewayAddress), ("cloud-a", Self.cloudAddress),
    ])
    let rules = try stage.gateway.run(["render", "prometheus-rules"]).stdout
    options.rules = Prometheus.quickened(rules, by: Self.factor)
    options.past = Self.yesterday
    prometheus = try Prometheus(in: stage.lab, options)
    let reached = try eventually(within: .seconds(10)) {
      try prometheus.reached() == ["gateway", "cloud-a"] ? true : nil
    }
    try #require(reached == true, "\(stage.gateway.log)")
  }

  /// The gateway's traffic of a day before this test, which is twelve minutes ago here: 100 kB/s out.
  private static var yesterday: String {
    let start = Int(Prometheus.now) - 86_400 / factor - 60
    let lines = (0..<360).map { second in
      "liteboxd_agent_tunnel_bytes_total{direction=\"out\",instance=\"gateway\",job=\"liteboxd-agent\"} "
        + "\(second * 100_000) \(start + second)"
    }
    return "# TYPE liteboxd_agent_tunnel_bytes counter\n" + lines.joined(separator: "\n") + "\n# EOF\n"
  }

  private func find(_ name: String, _ labels: [String: String]) throws -> Prometheus.Alert? {
    try prometheus.alerts().first { alert in
      alert.name == name && labels.allSatisfy { alert.labels[$0.key] == $0.value }
    }
  }

  /// Waits until it fires.
  func expectFiring(
    _ name: String, _ labels: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let fires = try eventually(within: .seconds(25), step: .milliseconds(100)) {
      try find(name, labels)?.isFiring == true ? true : nil
    }
    let alerts = try prometheus.alerts().map(\.labels)
    #expect(fires == true, "\(name) does not fire; \(alerts)", sourceLocation: sourceLocation)
  }

  /// Waits until it is over.
  func expectResolved(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let isOver = try eventually(within: .seconds(30), step: .milliseconds(100)) {
      try prometheus.alerts().contains { $0.name == name } ? nil : true
    }
    let alerts = try prometheus.alerts().map(\.labels)
    #expect(isOver == true, "\(name) is not over; \(alerts)", sourceLocation: sourceLocation)
  }

  /// Nothing fires. Before the first scrape no agent was heard of.
  func expectQuiet() throws {
    let isQuiet = try eventually(within: .seconds(10), step: .milliseconds(100)) {
      try prometheus.alerts().contains(where: \.isFiring) ? nil : true
    }
    let alerts = try prometheus.alerts().map(\.labels)
    #expect(isQuiet == true, "\(alerts)")
  }

  func restartCloud() throws { cloud = try stage.lab.restart(cloud) }
}

@Suite("A real Prometheus with the shipped rules", .serialized)
struct MonitoringTests {
  @Test(
    "each alert fires at its real fault and is over when that is, and each panel of the dashboard has data")
  func alerts() throws {
    let monitoring = try Monitoring()
    let (stage, start) = (monitoring.stage, Prometheus.now)
    try monitoring.expectQuiet()
    try startSpikeAndFight(stage)
    try configuration(monitoring)
    try relayed(monitoring)
    try connectionTracking(monitoring)
    try monitoring.expectFiring("LiteboxdTrafficSpike", ["instance": "gateway"])
    try monitoring.expectResolved("LiteboxdFight")
    try exitSwitched(monitoring)
    try leakAttempt(monitoring)
    try failClosed(monitoring)
    try monitoring.expectResolved("LiteboxdTrafficSpike")
    try expectData(monitoring, since: start)
    try absence(monitoring)
  }

  /// Both take their time; what follows goes on meanwhile.
  private func startSpikeAndFight(_ stage: Stage) throws {
    let address = "http://\(Address.server)/bytes/200000000"
    try stage.lab.namespace(.pod).execute([
      "sh", "-c",
      "timeout \(14 * Patience.factor) curl -s --limit-rate 3M -o /dev/null \(address) >/dev/null 2>&1 &",
    ]).output()
    // As a manager that reads what it wrote each ten milliseconds would.
    let loop = "for i in $(seq 400); do ip route del default table 100; sleep 0.01; done"
    try stage.lab.namespace(.gateway).execute(["sh", "-c", "(\(loop)) >/dev/null 2>&1 &"]).output()
  }

  private func configuration(_ monitoring: Monitoring) throws {
    let program = monitoring.stage.gateway.program
    let good = try String(contentsOfFile: program.configurationPath, encoding: .utf8)
    try program.rewrite(configuration: good + "nonsense: true\n")
    try monitoring.expectFiring("LiteboxdConfigurationRefused", ["instance": "gateway"])
    try monitoring.expectFiring("LiteboxdFight", ["instance": "gateway"])
    try program.rewrite(configuration: good)
    try monitoring.expectResolved("LiteboxdConfigurationRefused")
  }

  private func relayed(_ monitoring: Monitoring) throws {
    let zerotier = try monitoring.stage.lab.zeroTier(.gateway)
    try zerotier.tell(.peer(.cloudA, .relayed))
    try monitoring.expectFiring("LiteboxdExitRelayed", ["instance": "gateway", "exit": "cloud-a"])
    try zerotier.tell(.peer(.cloudA, nil))
    try monitoring.expectResolved("LiteboxdExitRelayed")
  }

  /// The kernel's limit is one for all network namespaces, so the table is filled instead of the limit lowered.
  private func connectionTracking(_ monitoring: Monitoring) throws {
    let gateway = try monitoring.stage.lab.namespace(.gateway)
    let limit =
      try Int(gateway.sysctl("net.netfilter.nf_conntrack_max").split(separator: " ").last ?? "") ?? 262_144
    let entries = (0..<limit / 100 * 85).map { number in
      "-I -s 192.0.2.\(number % 250 + 1) -d 203.0.113.\(number / 50_000 % 250) -p udp "
        + "--sport \(1_000 + number / 250 % 60_000) --dport 9 -t 600"
    }
    let file = "\(monitoring.stage.lab.directory)/flows"
    try (entries.joined(separator: "\n") + "\n").write(toFile: file, atomically: false, encoding: .utf8)
    var fill = gateway.execute(["conntrack", "-R", file])
    fill.limit = .seconds(60)
    _ = try fill.run()
    try monitoring.expectFiring("LiteboxdConnectionTrackingNearLimit", ["instance": "gateway"])
    try gateway.execute(["conntrack", "-F"]).output()
    try monitoring.expectResolved("LiteboxdConnectionTrackingNearLimit")
  }

  private func exitSwitched(_ monitoring: Monitoring) throws {
    try monitoring.stage.lab.cut(.cloudA)
    try monitoring.expectFiring("LiteboxdExitSwitched", ["instance": "gateway"])
    try monitoring.stage.lab.heal(.cloudA)
    try monitoring.expectResolved("LiteboxdExitSwitched")
  }

  /// Somebody takes all rules out while the agent cannot put them back: the guard is what is left.
  private func leakAttempt(_ monitoring: Monitoring) throws {
    let stage = monitoring.stage
    let gateway = try stage.lab.namespace(.gateway)
    let traffic = try stage.lab.startTraffic(perSecond: 50)
    try stage.lab.resetLeaks()
    stage.gateway.freeze()
    for priority in 150...152 { try gateway.ip("rule del priority \(priority)") }
    stage.lab.letPass(.milliseconds(300))
    stage.gateway.thaw()
    try monitoring.expectFiring("LiteboxdLeakAttempt", ["instance": "gateway", "guard": "egress"])
    #expect(try stage.lab.leaks().total == 0)
    try monitoring.expectResolved("LiteboxdLeakAttempt")
    try traffic.stop()
  }

  private func failClosed(_ monitoring: Monitoring) throws {
    let zerotier = try monitoring.stage.lab.zeroTier(.gateway)
    try zerotier.tell(.linkDelete)
    try monitoring.expectFiring("LiteboxdFailClosed", ["instance": "gateway"])
    try zerotier.restart()
    try monitoring.expectResolved("LiteboxdFailClosed")
  }

  private func absence(_ monitoring: Monitoring) throws {
    monitoring.stage.gateway.kill()
    try monitoring.expectFiring("LiteboxdAgentAbsent", ["instance": "gateway"])
    monitoring.cloud.kill()
    try monitoring.expectFiring("LiteboxdNoAgent")
    try monitoring.stage.restartGateway()
    try monitoring.expectResolved("LiteboxdNoAgent")
    try monitoring.restartCloud()
    try monitoring.expectResolved("LiteboxdAgentAbsent")
  }

  /// Of every query, in the time that has passed.
  private func expectData(_ monitoring: Monitoring, since start: Double) throws {
    let dashboard = try Dashboard(monitoring.stage.gateway.run(["render", "grafana-dashboard"]).stdout)
    #expect(dashboard.panels.count == 14)
    for panel in dashboard.panels {
      let answers = try panel.lines(
        of: monitoring.prometheus, from: start, to: Prometheus.now, rateInterval: "5s")
      #expect(!answers.isEmpty, "\(panel.title)")
      for lines in answers {
        let values = lines.flatMap(\.samples).map(\.value).filter(\.isFinite)
        #expect(!values.isEmpty && lines.allSatisfy { !$0.name.contains("{{") }, "\(panel.title): \(lines)")
      }
    }
  }

  @Test("the rules' durations alone are quickened")
  func quickened() {
    let rules = """
            expr: 'rate(a{b="5m"}[30m] offset 1d) > 3 * 1e6 and c > 0.8'
            for: '10m'
              description: 'for over 15 minutes, 5m'
      """
    #expect(
      Prometheus.quickened(rules, by: 120) == """
              expr: 'rate(a{b="2500ms"}[15000ms] offset 720000ms) > 3 * 1e6 and c > 0.8'
              for: '5000ms'
                description: 'for over 15 minutes, 5m'
        """)
  }
}
