/// What proc(5) says of the process, for the metrics that every exporter has.
public struct ProcessStatistics: Equatable, Sendable {
  /// User and system time together.
  public var cpuSeconds: Double
  public var residentBytes: UInt64
  public var virtualBytes: UInt64
  public var openDescriptors: UInt64
  /// The soft limit (`RLIMIT_NOFILE`).
  public var maximumDescriptors: UInt64
  /// Since the epoch.
  public var startSeconds: Double

  /// All 0, to be filled in.
  public init() {
    cpuSeconds = 0
    residentBytes = 0
    virtualBytes = 0
    openDescriptors = 0
    maximumDescriptors = 0
    startSeconds = 0
  }
}

/// What `GET /metrics` answers with: Prometheus's text format 0.0.4.
public enum MetricsPage {
  /// The answer's `Content-Type`.
  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  public static func render(
    _ status: AgentStatus, _ counters: AgentCounters, _ process: ProcessStatistics,
    _ host: HostStatistics = HostStatistics()
  ) -> String {
    var writer = MetricsWriter()
    agent(status, &writer)
    passes(counters, &writer)
    kernel(status, counters, &writer)
    exits(status, counters, &writer)
    traffic(status, counters, &writer)
    cloud(status, &writer)
    configuration(status, &writer)
    host.write(to: &writer)
    self.process(process, &writer)
    return writer.text
  }

  private static func agent(_ status: AgentStatus, _ writer: inout MetricsWriter) {
    writer.gauge(
      "liteboxd_agent_build_info", "Which build runs, in which role; always 1.",
      [
        Sample(
          1, [("version", status.version), ("role", status.role.rawValue), ("commit", status.commit)])
      ])
    writer.gauge(
      "liteboxd_agent_phase", "1 for the phase that the agent is in, 0 for the others.",
      Phase.allCases.map { Sample($0 == status.phase ? 1 : 0, [("phase", $0.rawValue)]) })
    var warnings: [String: UInt64] = [:]
    for warning in status.warnings { warnings[warning.code, default: 0] += 1 }
    writer.gauge(
      "liteboxd_agent_warnings", "Conditions that need a person, by code.", samples(warnings, label: "code"))
  }

  private static func passes(_ counters: AgentCounters, _ writer: inout MetricsWriter) {
    writer.counter(
      "liteboxd_agent_reconcile_total", "Passes over the kernel state, by result.",
      [
        Sample(counters.reconcileSucceeded, [("result", "success")]),
        Sample(counters.reconcileFailed, [("result", "failure")]),
      ])
    writer.histogram(
      "liteboxd_agent_reconcile_duration_seconds", "How long passes took.", counters.reconcileDuration)
    writer.counter(
      "liteboxd_agent_drift_repaired_total", "Objects that others changed and that were put right, by kind.",
      samples(counters.driftRepaired, label: "kind"))
    writer.histogram(
      "liteboxd_agent_repair_duration_seconds",
      "How long repairs took, from the kernel's event to the state verified.", counters.repairDuration)
  }

  private static func kernel(
    _ status: AgentStatus, _ counters: AgentCounters, _ writer: inout MetricsWriter
  ) {
    writer.gauge(
      "liteboxd_agent_objects", "Owned kernel objects, by kind, as desired and as observed.",
      status.kernel.objects.flatMap { object in
        [
          Sample(Double(object.desired), [("kind", object.kind), ("state", "desired")]),
          Sample(Double(object.observed), [("kind", object.kind), ("state", "observed")]),
        ]
      })
    writer.counter(
      "liteboxd_agent_netlink_overruns_total", "How often the kernel dropped events meant for the agent.",
      [Sample(counters.netlinkOverruns)])
    writer.counter(
      "liteboxd_agent_resyncs_total", "Full readings of the kernel state, by cause.",
      samples(counters.resyncs, label: "cause"))
  }

  private static func exits(
    _ status: AgentStatus, _ counters: AgentCounters, _ writer: inout MetricsWriter
  ) {
    writer.gauge(
      "liteboxd_agent_exit_healthy", "1 for an exit that may carry traffic.",
      status.exits.map { Sample($0.healthy ? 1 : 0, [("exit", $0.name)]) })
    writer.gauge(
      "liteboxd_agent_exit_active", "1 for an exit that carries the traffic.",
      status.exits.map { Sample($0.active ? 1 : 0, [("exit", $0.name)]) })
    writer.gauge(
      "liteboxd_agent_exit_pinned", "1 for an exit that a person chose for all traffic.",
      status.exits.map { Sample($0.pinned ? 1 : 0, [("exit", $0.name)]) })
    writer.gauge(
      "liteboxd_agent_exit_check_healthy", "1 for a check of an exit that succeeds, by check.",
      status.exits.flatMap { exit in
        exit.checks.map {
          Sample($0.health.isUsable ? 1 : 0, [("exit", exit.name), ("check", $0.check)])
        }
      })
    writer.gauge(
      "liteboxd_agent_exit_relayed", "1 for an exit that is reached through a ZeroTier root, not directly.",
      status.exits.compactMap { exit in
        exit.path.map { Sample($0 == .relayed ? 1 : 0, [("exit", exit.name)]) }
      })
    writer.gauge(
      "liteboxd_agent_exit_loss_ratio", "Lost probes among the last 60, 0 to 1; absent before the first.",
      status.exits.compactMap { exit in exit.lossRatio.map { Sample($0, [("exit", exit.name)]) } })
    writer.counter(
      "liteboxd_agent_exit_answers_total", "Answers to probes that were not counted as such, by kind.",
      status.exits.flatMap { exit in
        [("late", exit.lateAnswers), ("duplicate", exit.duplicateAnswers)].map {
          Sample(Double($0.1), [("exit", exit.name), ("kind", $0.0)])
        }
      })
    writer.gauge(
      "liteboxd_agent_exit_rtt_seconds", "Round trip of the last answered probe; absent before the first.",
      status.exits.compactMap { exit in exit.rttSeconds.map { Sample($0, [("exit", exit.name)]) } })
    writer.counter(
      "liteboxd_agent_exit_switches_total", "How often traffic moved to another exit.",
      [Sample(counters.exitSwitches)])
  }

  private static func traffic(
    _ status: AgentStatus, _ counters: AgentCounters, _ writer: inout MetricsWriter
  ) {
    writer.gauge(
      "liteboxd_agent_tunnel_up", "1 while sandbox traffic may pass, 0 while fail-closed.",
      [Sample(status.tunnelUp ? 1 : 0)])
    writer.counter(
      "liteboxd_agent_zerotier_api_errors_total",
      "Requests to ZeroTier's API without a usable answer, by kind.",
      samples(counters.zerotierAPIErrors, label: "kind"))
    writer.counter(
      "liteboxd_agent_guard_dropped_packets_total",
      "Packets that would have leaked and were dropped, by guard.",
      status.guardDrops.map { Sample(Double($0.packets), [("guard", $0.guardName)]) })
    amounts(
      "forwarded", "sandbox traffic that netfilter saw, which Cilium's BPF passes by on gateways",
      counters.forwarded, &writer)
    amounts(
      "tunnel", "all that the tunnel's link carried, whatever it was; out is towards the Internet",
      counters.tunnel, &writer)
  }

  private static func amounts(
    _ name: String, _ what: String, _ traffic: FollowedTraffic, _ writer: inout MetricsWriter
  ) {
    writer.counter(
      "liteboxd_agent_\(name)_bytes_total", "Octets of \(what), by direction.",
      [
        Sample(traffic.outBytes.total, [("direction", "out")]),
        Sample(traffic.inBytes.total, [("direction", "in")]),
      ])
    writer.counter(
      "liteboxd_agent_\(name)_packets_total", "Packets of \(what), by direction.",
      [
        Sample(traffic.outPackets.total, [("direction", "out")]),
        Sample(traffic.inPackets.total, [("direction", "in")]),
      ])
  }

  private static func configuration(_ status: AgentStatus, _ writer: inout MetricsWriter) {
    let successful = status.config.error == nil && status.config.loadedAt != nil
    writer.gauge(
      "liteboxd_agent_config_last_reload_successful",
      "1 if the file, as it is, is in force; 0 if it was refused.",
      [Sample(successful ? 1 : 0)])
    writer.gauge(
      "liteboxd_agent_config_last_reload_success_timestamp_seconds",
      "When the configuration in force was taken; 0 before any was.",
      [Sample(Double(status.config.loadedAt?.secondsSinceEpoch ?? 0))])
  }

  private static func process(_ process: ProcessStatistics, _ writer: inout MetricsWriter) {
    writer.counter(
      "process_cpu_seconds_total", "User and system CPU time spent.", [Sample(process.cpuSeconds)])
    writer.gauge(
      "process_resident_memory_bytes", "Resident memory size.", [Sample(process.residentBytes)])
    writer.gauge("process_virtual_memory_bytes", "Virtual memory size.", [Sample(process.virtualBytes)])
    writer.gauge("process_open_fds", "Open file descriptors.", [Sample(process.openDescriptors)])
    writer.gauge(
      "process_max_fds", "The most file descriptors that may be open.", [Sample(process.maximumDescriptors)])
    writer.gauge(
      "process_start_time_seconds", "When the process started, since the epoch.",
      [Sample(process.startSeconds)])
  }

  private static func samples(_ values: [String: UInt64], label: String) -> [Sample] {
    values.sorted { $0.key < $1.key }.map { Sample($0.value, [(label, $0.key)]) }
  }
}
