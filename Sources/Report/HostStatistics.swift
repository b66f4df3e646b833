/// What the host has of what all its traffic shares; nil where there is no telling.
public struct HostStatistics: Equatable, Sendable {
  /// Flows that the kernel follows in this network namespace, and how many it may.
  public var trackedFlows: UInt64?
  public var trackedFlowsLimit: UInt64?

  public init() {}

  func write(to writer: inout MetricsWriter) {
    writer.gauge(
      "liteboxd_agent_conntrack_entries", "Flows that connection tracking follows; absent without it.",
      trackedFlows.map { [Sample($0)] } ?? [])
    writer.gauge(
      "liteboxd_agent_conntrack_entries_limit", "How many it may follow; new ones beyond that are dropped.",
      trackedFlowsLimit.map { [Sample($0)] } ?? [])
  }
}
