/// Alerts on what the agents report.
public enum PrometheusRules {
  /// A rules file.
  public static let text = YAMLValue.mapping([
    .init(
      "groups",
      .list([
        .mapping([.init("name", .text("liteboxd-agent")), .init("rules", .list(alerts.map(\.yaml)))])
      ]))
  ]).document(comments: ["Made by \"liteboxd-agent render prometheus-rules\"; promtool check rules takes it."]
  )

  public static let alerts = egress + exits + host

  /// Names of drops that only happen when something else has already let a packet go the wrong way. The others are
  /// what a cloud server denies by its configuration.
  static let leakGuards = ["egress", "egress_ipv6", "wan"]

  private static let egress = [
    PrometheusAlert(
      name: "LiteboxdFailClosed",
      expression: #"sum without (phase) (liteboxd_agent_phase{phase=~"blocked|starting"}) == 1"#,
      pending: "1m", severity: .critical,
      summary: "{{ $labels.instance }} lets no sandbox traffic through",
      description: "The agent has blocked all sandbox traffic for over a minute, by intent: fail-closed.",
      runbook: "liteboxd-agent status names each reason with its remedy. Do not delete Cilium's policy: "
        + "sandboxes would leave by their nodes' own addresses."),
    PrometheusAlert(
      name: "LiteboxdLeakAttempt",
      expression: "increase(liteboxd_agent_guard_dropped_packets_total{guard=~\""
        + leakGuards.joined(separator: "|") + "\"}[5m]) > 0",
      pending: "0s", severity: .critical,
      summary: "{{ $labels.instance }}: the last guard dropped packets that would have leaked",
      description:
        "Guard {{ $labels.guard }} dropped packets on their way out past the tunnel. They did not leave, "
        + "and what should have kept them from there did not.",
      runbook:
        "ip rule show; liteboxd-agent plan; journalctl -u liteboxd-agent names repairs and who made them "
        + "necessary. docs/fail-closed.md says which object blocks what."),
    PrometheusAlert(
      name: "LiteboxdAgentAbsent",
      expression: "group by (job, instance) (last_over_time(liteboxd_agent_build_info[1d]))"
        + " unless on (job, instance) liteboxd_agent_build_info",
      pending: "2m", severity: .critical,
      summary: "the agent on {{ $labels.instance }} is not heard of any more",
      description: "Its metrics were there within the last day and are not now. The kernel's state stays, "
        + "fail-closed, but nothing repairs it or changes the exit. A host that was given up is forgotten after a day.",
      runbook:
        "systemctl status liteboxd-agent; journalctl -u liteboxd-agent. If the agent runs, look at the scrape."
    ),
    PrometheusAlert(
      name: "LiteboxdNoAgent",
      expression: "absent(liteboxd_agent_build_info)", pending: "10m", severity: .critical,
      summary: "no agent is heard of at all",
      description: "Prometheus has no metrics of any agent, so that what the others watch is not seen.",
      runbook:
        "On the Prometheus server: look at the targets. The agent listens on metrics.listen, by default "
        + "127.0.0.1:9479, which only its own host reaches."),
  ]

  private static let exits = [
    PrometheusAlert(
      name: "LiteboxdExitSwitched",
      expression: "increase(liteboxd_agent_exit_switches_total[15m]) > 0", pending: "0s", severity: .warning,
      summary: "{{ $labels.instance }} moved its traffic to another exit",
      description:
        "Traffic moved between exits within the last 15 minutes. Flows began anew, and the Internet may "
        + "see another address.",
      runbook: "liteboxd-agent status says why an exit is not in use; then look at that cloud server."),
    PrometheusAlert(
      name: "LiteboxdExitRelayed",
      expression: "liteboxd_agent_exit_relayed == 1", pending: "5m", severity: .warning,
      summary: "{{ $labels.instance }} reaches exit {{ $labels.exit }} through a ZeroTier root",
      description: "There has been no direct path for over five minutes: slow, and not for much traffic.",
      runbook: "zerotier-cli peers on both hosts; UDP 9993 has to be open between them."),
    PrometheusAlert(
      name: "LiteboxdTrafficSpike",
      expression: "\(rate("")) > 3 * \(rate(" offset 1d")) and \(rate("")) > 1e6",
      pending: "10m", severity: .warning,
      summary: "{{ $labels.instance }} forwards over three times as much as yesterday at this time",
      description:
        "{{ $value | humanize }}B/s through the tunnel's link over the last half hour, both directions together. Says "
        + "nothing below 1 MB/s, nor while there is no yesterday.",
      runbook:
        "On a cloud server: liteboxd-agent status shows the busiest gateways; then look at the sandboxes there."
    ),
  ]

  /// Octets a second, both directions, of the link: netfilter does not see what Cilium's BPF passes on.
  private static func rate(_ offset: String) -> String {
    "sum without (direction) (rate(liteboxd_agent_tunnel_bytes_total[30m]\(offset)))"
  }

  private static let host = [
    PrometheusAlert(
      name: "LiteboxdFight",
      expression: #"liteboxd_agent_warnings{code="fight"} > 0"#, pending: "1m", severity: .warning,
      summary: "somebody on {{ $labels.instance }} undoes the agent's repairs",
      description:
        "The agent puts rules, routes or parameters right again and again, and somebody changes them back.",
      runbook: "liteboxd-agent status names the last opponents, where the kernel tells, and the remedy."),
    PrometheusAlert(
      name: "LiteboxdConfigurationRefused",
      expression: "liteboxd_agent_config_last_reload_successful == 0", pending: "1m", severity: .warning,
      summary: "{{ $labels.instance }} refused its configuration file",
      description: "The file as it is cannot be used; the last good one stays in force.",
      runbook: "liteboxd-agent check names the place; the corrected file is taken by itself."),
    PrometheusAlert(
      name: "LiteboxdConnectionTrackingNearLimit",
      expression: "liteboxd_agent_conntrack_entries / liteboxd_agent_conntrack_entries_limit > 0.8",
      pending: "5m",
      severity: .warning,
      summary: "connection tracking on {{ $labels.instance }} is {{ $value | humanizePercentage }} full",
      description:
        "A full table drops new flows: clients hang while those that are known go on.",
      runbook:
        "sysctl net.netfilter.nf_conntrack_max; conntrack -S; raise the limit or look for who opens the flows."
    ),
  ]
}
