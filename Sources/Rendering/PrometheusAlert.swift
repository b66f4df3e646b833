/// An alerting rule of Prometheus.
public struct PrometheusAlert: Hashable, Sendable {
  public enum Severity: String, Sendable {
    /// Sandboxes are cut off, or nearly were not.
    case critical
    case warning
  }

  public var name: String
  /// PromQL, over metrics of the agent's page; `$labels` below are those of its result.
  public var expression: String
  /// How long it holds before the alert fires, as Prometheus writes durations.
  public var pending: String
  public var severity: Severity
  public var summary: String
  public var description: String
  /// What to do first, on the host unless it says otherwise.
  public var runbook: String

  /// The alert's section, where the package installs the document.
  var runbookURL: String {
    "file:///usr/share/doc/liteboxd-agent/docs/operations.md#\(name.lowercased())"
  }

  var yaml: YAMLValue {
    .mapping([
      .init("alert", .text(name)),
      .init("expr", .text(expression)),
      .init("for", .text(pending)),
      .init("labels", .mapping([.init("severity", .text(severity.rawValue))])),
      .init(
        "annotations",
        .mapping([
          .init("summary", .text(summary)),
          .init("description", .text(description)),
          .init("runbook", .text(runbook)),
          .init("runbook_url", .text(runbookURL)),
        ])),
    ])
  }
}
