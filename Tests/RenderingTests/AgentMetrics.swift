import Report

/// The names of the series that the agent's metrics page can have, on a gateway and on a cloud server.
enum AgentMetrics {
  static let all: Set<String> = RoleName.allCases.reduce(into: []) { names, role in
    let status = AgentStatus(
      build: BuildIdentity(version: "1", commit: "1"), role: role, startedAt: Timestamp(secondsSinceEpoch: 0),
      configPath: "agent.yaml")
    let counters = AgentCounters(objectKinds: [], resyncCauses: [], apiErrorKinds: [])
    let page = MetricsPage.render(status, counters, ProcessStatistics())
    for line in page.split(separator: "\n") where line.hasPrefix("# TYPE ") {
      let words = line.split(separator: " ").map(String.init)
      let endings = words[3] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
      names.formUnion(endings.map { words[2] + $0 })
    }
  }

  /// The names in an expression.
  static func names(in expression: String) -> Set<String> {
    Set(expression.matches(of: /\b(?:liteboxd|process|node)_\w+/).map { String($0.output) })
  }
}
