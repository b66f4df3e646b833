import Report
import Testing

@Suite("The metrics page")
struct MetricsTests {
  static let fresh = AgentCounters(
    objectKinds: ["rule", "route", "nftables", "sysctl"], resyncCauses: ["interval", "overrun", "start"],
    apiErrorKinds: ["refused", "timeout", "unauthorized"])

  static var busy: AgentCounters {
    var counters = fresh
    counters.recordReconcile(duration: .microseconds(900), succeeded: true, at: .seconds(40))
    counters.recordReconcile(duration: .milliseconds(12), succeeded: false, at: .seconds(50))
    counters.recordRepair(
      of: ["rule": 2, "route": 1, "sysctl": 0], duration: .microseconds(600), at: .seconds(42))
    counters.recordRepair(of: ["new\nkind": 1], duration: .seconds(2), at: .seconds(43))
    counters.recordNetlinkOverrun()
    counters.recordResync(cause: "overrun")
    counters.recordExitSwitch()
    counters.recordZeroTierAPIError(kind: "timeout")
    for times in [1, 3] as [UInt64] {
      counters.followForwarded(
        .init(
          out: .init(packets: 2 * times, bytes: 500 * times),
          in: .init(packets: 4 * times, bytes: 1_000 * times)))
      counters.followTunnel(
        .init(
          out: .init(packets: 3 * times, bytes: 600 * times),
          in: .init(packets: 5 * times, bytes: 1_100 * times)))
    }
    return counters
  }

  static var process: ProcessStatistics {
    var process = ProcessStatistics()
    process.cpuSeconds = 1.25
    process.residentBytes = 11_000_000
    process.virtualBytes = 90_000_000
    process.openDescriptors = 14
    process.maximumDescriptors = .max
    process.startSeconds = 1_795_251_599.5
    return process
  }

  private func page(_ example: Example, _ counters: AgentCounters = busy) -> String {
    MetricsPage.render(example.status, counters, MetricsTests.process)
  }

  @Test("looks as in the golden files", arguments: Example.allCases)
  func golden(_ example: Example) throws {
    try expectGolden(page(example), "\(example.rawValue).prom")
  }

  @Test("passes promtool without a remark", arguments: Example.allCases)
  func promtool(_ example: Example) throws {
    for counters in [MetricsTests.fresh, MetricsTests.busy] {
      let (output, status) = try run(
        "/usr/bin/env", ["promtool", "check", "metrics"], input: page(example, counters))
      #expect(status == 0)
      #expect(output == "")
    }
  }

  @Test("would not pass promtool with a mistake in it")
  func promtoolObjects() throws {
    let page = page(.ready).replacing("liteboxd_agent_netlink_overruns_total", with: "netlink_overruns")
    let (output, status) = try run("/usr/bin/env", ["promtool", "check", "metrics"], input: page)
    #expect(status != 0)
    #expect(output.contains("netlink_overruns"))
  }

  @Test("has every promised metric from the start")
  func names() {
    let page = page(.ready, MetricsTests.fresh)
    for name in MetricsTests.promised {
      #expect(page.contains("\n\(name) ") || page.contains("\n\(name){"), "\(name)")
    }
    #expect(page.contains("# TYPE liteboxd_agent_warnings gauge\n"))
  }

  /// The names of the specification, but for the one that has no series while there is no warning.
  private static let promised = [
    "liteboxd_agent_build_info", "liteboxd_agent_phase",
    "liteboxd_agent_reconcile_total", "liteboxd_agent_reconcile_duration_seconds_bucket",
    "liteboxd_agent_reconcile_duration_seconds_sum", "liteboxd_agent_reconcile_duration_seconds_count",
    "liteboxd_agent_drift_repaired_total", "liteboxd_agent_repair_duration_seconds_bucket",
    "liteboxd_agent_objects", "liteboxd_agent_netlink_overruns_total", "liteboxd_agent_resyncs_total",
    "liteboxd_agent_tunnel_up", "liteboxd_agent_exit_healthy", "liteboxd_agent_exit_active",
    "liteboxd_agent_exit_rtt_seconds", "liteboxd_agent_exit_switches_total",
    "liteboxd_agent_zerotier_api_errors_total", "liteboxd_agent_config_last_reload_successful",
    "liteboxd_agent_config_last_reload_success_timestamp_seconds",
    "liteboxd_agent_guard_dropped_packets_total",
    "liteboxd_agent_forwarded_bytes_total", "process_cpu_seconds_total", "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_open_fds", "process_max_fds", "process_start_time_seconds",
  ]

  @Test(
    "has 0 for what has not happened yet",
    arguments: [
      #"liteboxd_agent_reconcile_total{result="failure"} 0"#,
      #"liteboxd_agent_drift_repaired_total{kind="rule"} 0"#,
      #"liteboxd_agent_resyncs_total{cause="overrun"} 0"#, #"liteboxd_agent_phase{phase="blocked"} 0"#,
      #"liteboxd_agent_zerotier_api_errors_total{kind="timeout"} 0"#,
      #"liteboxd_agent_forwarded_bytes_total{direction="in"} 0"#,
      #"liteboxd_agent_repair_duration_seconds_bucket{le="+Inf"} 0"#,
    ])
  func zeros(_ line: String) {
    #expect(page(.ready, MetricsTests.fresh).contains(line + "\n"))
  }

  @Test("keeps labels in their quotes, whatever is in them")
  func hostileLabels() {
    let page = page(.hostile)
    #expect(page.contains(#"liteboxd_agent_exit_healthy{exit="cloud\n\"a\"}\\u{202e}\\u{9b}31m"} 0"# + "\n"))
    #expect(page.contains(#"{guard="gu\"ard\\\n"} 0"# + "\n"))
    #expect(page.split(separator: "\n").allSatisfy { $0.hasPrefix("# ") || $0.contains(/\ [0-9.e+-]+$/) })
  }

  @Test("has a name that occurs twice but once")
  func duplicates() throws {
    var status = Example.ready.status
    status.exits[1].name = status.exits[0].name
    let page = MetricsPage.render(status, MetricsTests.fresh, MetricsTests.process)
    #expect(page.matches(of: /liteboxd_agent_exit_active\{/).count == 1)
    #expect(try run("/usr/bin/env", ["promtool", "check", "metrics"], input: page).status == 0)
  }
}
