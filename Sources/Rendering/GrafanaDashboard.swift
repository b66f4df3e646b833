import JSON

/// A dashboard of all agents, or of those that are chosen by `$instance`.
public enum GrafanaDashboard {
  /// The document, to be imported.
  public static let text = document.indented

  /// Of Grafana 10.1 on; newer ones migrate it by themselves.
  static let schemaVersion: JSONValue = 39

  private static let document: JSONValue = [
    "uid": "liteboxd-agent", "title": "LiteBoxd egress", "tags": ["liteboxd"], "editable": true,
    "description": "Made by \"liteboxd-agent render grafana-dashboard\".", "schemaVersion": schemaVersion,
    "version": 1, "refresh": "30s", "timezone": "browser", "graphTooltip": 1,
    "time": ["from": "now-6h", "to": "now"], "annotations": ["list": []], "links": [],
    "templating": ["list": [dataSource, instances]],
    "panels": .array(panels.enumerated().map { $0.element.json(at: $0.offset) }),
  ]

  private static let dataSource: JSONValue = [
    "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1,
  ]

  private static let instances: JSONValue = [
    "name": "instance", "label": "Agent", "type": "query", "datasource": GrafanaPanel.dataSource,
    "query": ["query": "label_values(liteboxd_agent_build_info, instance)", "refId": "instance"],
    "refresh": 2, "sort": 1, "multi": true, "includeAll": true,
    "current": ["selected": true, "text": ["All"], "value": ["$__all"]],
  ]

  // MARK: Panels

  static let panels = exits + traffic + kernel

  private static let exits = [
    GrafanaPanel(
      title: "Phase", description: "Blocked and starting: no sandbox traffic passes.",
      kind: .states([
        .init(value: 1, text: "blocked", colour: "red"), .init(value: 2, text: "starting", colour: "purple"),
        .init(value: 3, text: "degraded", colour: "orange"), .init(value: 4, text: "ready", colour: "green"),
      ]), queries: [.init(expression: phase, legend: "{{instance}}")]),
    GrafanaPanel(
      title: "Warnings",
      description: "Conditions that need a person; liteboxd-agent status has the remedies.",
      kind: .lines(unit: "short"),
      queries: [.init(expression: chosen("warnings"), legend: "{{instance}} {{code}}")]),
    GrafanaPanel(
      title: "Exits' health",
      description: "An exit that is down carries no traffic; a standby carries none either.",
      kind: .states([
        .init(value: 0, text: "down", colour: "red"), .init(value: 1, text: "standby", colour: "blue"),
        .init(value: 2, text: "in use", colour: "green"),
      ]),
      queries: [
        .init(
          expression: "\(chosen("exit_healthy")) + \(chosen("exit_healthy")) * \(chosen("exit_active"))",
          legend: "{{instance}} {{exit}}")
      ]),
    GrafanaPanel(
      title: "Round trip to exits", description: "Of the last answered probe, through the tunnel.",
      kind: .lines(unit: "s"),
      queries: [.init(expression: chosen("exit_rtt_seconds"), legend: "{{instance}} {{exit}}")]),
  ]

  /// The highest of 1 to 4, of which each agent has but one.
  private static var phase: String {
    let phases = ["blocked", "starting", "degraded", "ready"].enumerated().map {
      "\($0.offset + 1) * (\(chosen("phase", #",phase="\#($0.element)""#)) == 1)"
    }
    return "max by (instance) (\(phases.joined(separator: " or ")))"
  }

  private static let traffic = [
    GrafanaPanel(
      title: "Traffic through the tunnel",
      description: "All that its link carries; out is towards the Internet, on cloud servers too.",
      kind: .lines(unit: "Bps"),
      queries: [
        .init(
          expression: "rate(\(chosen("tunnel_bytes_total"))[$__rate_interval])",
          legend: "{{instance}} {{direction}}")
      ]),
    GrafanaPanel(
      title: "Packets through the tunnel",
      description: "Many small ones cost more than the same traffic in few.",
      kind: .lines(unit: "pps"),
      queries: [
        .init(
          expression: "rate(\(chosen("tunnel_packets_total"))[$__rate_interval])",
          legend: "{{instance}} {{direction}}")
      ]),
    GrafanaPanel(
      title: "Forwarded",
      description:
        "Sandbox traffic that netfilter sees: all of a cloud server's; on gateways Cilium's BPF passes it by.",
      kind: .lines(unit: "Bps"),
      queries: [
        .init(
          expression: "rate(\(chosen("forwarded_bytes_total"))[$__rate_interval])",
          legend: "{{instance}} {{direction}}")
      ]),
    GrafanaPanel(
      title: "By gateway",
      description: "What each gateway sends to and gets from the Internet, as the cloud server counts.",
      kind: .lines(unit: "Bps"),
      queries: ["sent", "received"].map {
        .init(
          expression: "rate(\(chosen("gateway_\($0)_bytes_total"))[$__rate_interval])",
          legend: "{{instance}} {{gateway}} \($0)")
      }),
    GrafanaPanel(
      title: "Dropped by guards",
      description:
        "egress, egress_ipv6 and wan are packets that would have leaked; the others are what a cloud "
        + "server denies.", kind: .lines(unit: "pps"),
      queries: [
        .init(
          expression: "rate(\(chosen("guard_dropped_packets_total"))[$__rate_interval])",
          legend: "{{instance}} {{guard}}")
      ]),
  ]

  private static let kernel = [
    GrafanaPanel(
      title: "Connection tracking", description: "How full it is; a full table drops new flows.",
      kind: .lines(unit: "percentunit"),
      queries: [
        .init(
          expression: "\(chosen("conntrack_entries")) / \(chosen("conntrack_entries_limit"))",
          legend: "{{instance}}")
      ]),
    GrafanaPanel(
      title: "Drift repaired", description: "Objects that others changed and the agent put right.",
      kind: .lines(unit: "short"),
      queries: [
        .init(
          expression: "increase(\(chosen("drift_repaired_total"))[$__rate_interval])",
          legend: "{{instance}} {{kind}}")
      ]),
    GrafanaPanel(
      title: "Time to repair",
      description: "From the kernel's event to the state verified, of all chosen agents.",
      kind: .lines(unit: "s"),
      queries: ["0.5", "0.9", "0.99"].map {
        .init(
          expression: "histogram_quantile(\($0), sum by (le) "
            + "(rate(\(chosen("repair_duration_seconds_bucket"))[$__rate_interval])))",
          legend: "quantile \($0)")
      }),
    GrafanaPanel(
      title: "Passes that failed", description: "Of the passes over the kernel's state, each second.",
      kind: .lines(unit: "ops"),
      queries: [
        .init(
          expression: "rate(\(chosen("reconcile_total", #",result="failure""#))[$__rate_interval])",
          legend: "{{instance}}")
      ]),
    GrafanaPanel(
      title: "ZeroTier's API without a usable answer", description: "Requests each second, by kind of error.",
      kind: .lines(unit: "reqps"),
      queries: [
        .init(
          expression: "rate(\(chosen("zerotier_api_errors_total"))[$__rate_interval])",
          legend: "{{instance}} {{kind}}")
      ]),
  ]

  /// The metric of the chosen agents.
  private static func chosen(_ metric: String, _ labels: String = "") -> String {
    "liteboxd_agent_\(metric){instance=~\"$instance\"\(labels)}"
  }
}
