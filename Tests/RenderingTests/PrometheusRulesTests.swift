import JSON
import Reconciliation
import Testing

@testable import Rendering

/// What an alert looks at, a sample a minute, and when it shall fire.
struct AlertStory: Sendable, CustomTestStringConvertible {
  let alert: String
  /// Of the alert itself, beside its name, state and severity.
  let labels: String
  /// In promtool's notation: `0+0x9` is 0 ten times.
  let series: [(name: String, values: String)]
  /// Minutes.
  let firing: [Int]
  let quiet: [Int]

  var testDescription: String { alert }

  private static let agent = #"instance="g""#

  static let all = [
    AlertStory(
      alert: "LiteboxdFailClosed", labels: agent,
      series: [
        (#"liteboxd_agent_phase{instance="g",phase="ready"}"#, "1+0x9 0+0x9 1+0x20"),
        (#"liteboxd_agent_phase{instance="g",phase="starting"}"#, "0+0x14 1+0x4 0+0x20"),
        (#"liteboxd_agent_phase{instance="g",phase="blocked"}"#, "0+0x9 1+0x4 0+0x25"),
      ], firing: [11, 14, 15, 19], quiet: [9, 10, 20, 30]),
    AlertStory(
      alert: "LiteboxdLeakAttempt", labels: #"instance="g",guard="egress""#,
      series: [
        (#"liteboxd_agent_guard_dropped_packets_total{instance="g",guard="egress"}"#, "0+0x9 7+0x30"),
        (#"liteboxd_agent_guard_dropped_packets_total{instance="g",guard="denied_destination"}"#, "0+5x40"),
      ], firing: [10, 12], quiet: [9, 16, 30]),
    AlertStory(
      alert: "LiteboxdAgentAbsent", labels: #"instance="g",job="agents""#,
      series: [
        (#"liteboxd_agent_build_info{instance="g",job="agents",version="1"}"#, "1+0x9 stale _x9 1+0x20"),
        (#"liteboxd_agent_build_info{instance="other",job="agents",version="1"}"#, "1+0x40"),
      ], firing: [12, 19], quiet: [9, 11, 20, 30]),
    AlertStory(
      alert: "LiteboxdNoAgent", labels: "",
      series: [(#"liteboxd_agent_build_info{instance="g"}"#, "1+0x9 stale _x19 1+0x20")],
      firing: [20, 29], quiet: [9, 19, 30]),
    AlertStory(
      alert: "LiteboxdExitSwitched", labels: agent,
      series: [(#"liteboxd_agent_exit_switches_total{instance="g"}"#, "0+0x9 1+0x60")],
      firing: [10, 20], quiet: [9, 26, 60]),
    AlertStory(
      alert: "LiteboxdExitRelayed", labels: #"instance="g",exit="cloud-a""#,
      series: [
        (#"liteboxd_agent_exit_relayed{instance="g",exit="cloud-a"}"#, "0+0x9 1+0x19 0+0x20"),
        (#"liteboxd_agent_exit_relayed{instance="g",exit="cloud-b"}"#, "0+0x60"),
      ], firing: [15, 29], quiet: [9, 14, 30]),
    AlertStory(
      alert: "LiteboxdTrafficSpike", labels: agent,
      // 0.6 MB/s for a day, then 3 MB/s for 90 minutes; the other host has a thousandth of it.
      series: [
        (
          #"liteboxd_agent_tunnel_bytes_total{instance="g",direction="out"}"#,
          "0+36000000x1440 51840000000+180000000x90 68040000000+36000000x200"
        ), (#"liteboxd_agent_tunnel_bytes_total{instance="g",direction="in"}"#, "0+0x1800"),
        (
          #"liteboxd_agent_tunnel_bytes_total{instance="small",direction="out"}"#,
          "0+36000x1440 51840000+180000x90 68040000+36000x200"
        ),
      ], firing: [1480, 1530], quiet: [60, 1440, 1450, 1570, 1700]),
    AlertStory(
      alert: "LiteboxdFight", labels: #"instance="g",code="fight""#,
      series: [
        (#"liteboxd_agent_warnings{instance="g",code="fight"}"#, "_x10 1+0x9 stale"),
        (#"liteboxd_agent_warnings{instance="g",code="standby-exit"}"#, "1+0x40"),
      ], firing: [11, 19], quiet: [9, 10, 20]),
    AlertStory(
      alert: "LiteboxdConfigurationRefused", labels: agent,
      series: [(#"liteboxd_agent_config_last_reload_successful{instance="g"}"#, "1+0x9 0+0x9 1+0x9")],
      firing: [11, 19], quiet: [9, 10, 20]),
    AlertStory(
      alert: "LiteboxdConnectionTrackingNearLimit", labels: agent,
      series: [
        (#"liteboxd_agent_conntrack_entries{instance="g"}"#, "100+0x9 900+0x19 100+0x9"),
        (#"liteboxd_agent_conntrack_entries_limit{instance="g"}"#, "1000+0x60"),
      ], firing: [15, 29], quiet: [9, 14, 30]),
  ]

  /// A file for `promtool test rules`.
  func test(severity: String) -> String {
    let series = series.map { "      - {series: '\($0.name)', values: '\($0.values)'}" }
    let name = #"alertname="\#(alert)",alertstate="firing""#
    let labels = labels.isEmpty ? "" : ",\(labels)"
    let questions =
      firing.map {
        question(name, $0, "[{labels: 'ALERTS{\(name),severity=\"\(severity)\"\(labels)}', value: 1}]")
      }
      + quiet.map { question(name, $0, "[]") }
    return """
      rule_files: [rules.yaml]
      evaluation_interval: 1m
      tests:
        - interval: 1m
          input_series:
      \(series.joined(separator: "\n"))
          promql_expr_test:
      \(questions.joined(separator: "\n"))

      """
  }

  private func question(_ name: String, _ minute: Int, _ samples: String) -> String {
    "      - {expr: 'ALERTS{\(name)}', eval_time: \(minute)m, exp_samples: \(samples)}"
  }
}

@Suite("The alerts for Prometheus")
struct PrometheusRulesTests {
  @Test("pass promtool without a remark")
  func promtool() throws {
    let (output, status) = try run(
      ["promtool", "check", "rules", "rules.yaml"], with: ["rules.yaml": PrometheusRules.text])
    #expect(status == 0, "\(output)")
    #expect(output.contains("SUCCESS: \(PrometheusRules.alerts.count) rules found"), "\(output)")
  }

  @Test("each fires when it should, and is over when its cause is", arguments: AlertStory.all)
  func fires(_ story: AlertStory) throws {
    let (output, status) = try outcome(of: story, under: PrometheusRules.text)
    #expect(status == 0, "\(output)")
  }

  @Test("one with a wrong expression would not pass", arguments: AlertStory.all)
  func objects(_ story: AlertStory) throws {
    let alert = try #require(PrometheusRules.alerts.first { $0.name == story.alert })
    let wrong = PrometheusRules.text.replacing(
      YAMLValue.scalar(alert.expression), with: YAMLValue.scalar("vector(0) > 1"))
    #expect(wrong != PrometheusRules.text)
    #expect(try outcome(of: story, under: wrong).status != 0)
  }

  private func outcome(of story: AlertStory, under rules: String) throws -> (output: String, status: Int32) {
    let alert = try #require(PrometheusRules.alerts.first { $0.name == story.alert })
    return try run(
      ["promtool", "test", "rules", "test.yaml"],
      with: ["rules.yaml": rules, "test.yaml": story.test(severity: alert.severity.rawValue)])
  }

  @Test("have a story each, and names of their own")
  func stories() {
    #expect(PrometheusRules.alerts.map(\.name).sorted() == AlertStory.all.map(\.alert).sorted())
    #expect(Set(PrometheusRules.alerts.map(\.name)).count == PrometheusRules.alerts.count)
  }

  @Test("say what is wrong, what it means and what to do")
  func annotations() throws {
    for alert in PrometheusRules.alerts {
      #expect(!alert.summary.isEmpty && !alert.description.isEmpty && !alert.runbook.isEmpty, "\(alert.name)")
    }
  }

  @Test("use no metric that the agent does not have")
  func metrics() throws {
    for alert in PrometheusRules.alerts {
      let names = AgentMetrics.names(in: alert.expression)
      #expect(!names.isEmpty && names.isSubset(of: AgentMetrics.all), "\(alert.name)")
    }
  }

  @Test("know the guards by the names of their counters")
  func guards() {
    let counters = Set(GuardCounter.allCases.map(\.rawValue))
    #expect(PrometheusRules.leakGuards.allSatisfy { counters.contains($0 + "_dropped") })
  }

  @Test("are shipped as they are rendered")
  func shipped() throws { #expect(try text(of: "config/prometheus-rules.yaml") == PrometheusRules.text) }
}
