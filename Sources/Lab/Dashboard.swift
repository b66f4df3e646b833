import JSON

/// Grafana's dashboard as the agent renders it, asked of a Prometheus without a Grafana.
public struct Dashboard: Sendable {
  public struct Panel: Sendable {
    public let title: String
    /// Grafana's unit; nil: states.
    let unit: String?
    let states: [Int: (text: String, colour: String)]
    let queries: [(expression: String, legend: String)]

    /// A line of it, with the name that the legend gives it.
    public struct Line: Sendable {
      public let name: String
      public let samples: [(time: Double, value: Double)]
    }

    /// What each query answers for that time; Grafana's variables are all agents and that rate interval.
    public func lines(
      of prometheus: Prometheus, from start: Double, to end: Double, rateInterval: String
    ) throws -> [[Line]] {
      try queries.map { query in
        let expression = query.expression.replacing("$__rate_interval", with: rateInterval)
          .replacing("$instance", with: ".+")
        let series = try prometheus.range(expression, from: start, to: end, step: (end - start) / 200)
        return series.map { Line(name: name(query.legend, $0.labels), samples: $0.samples) }
      }
    }

    private func name(_ legend: String, _ labels: [String: String]) -> String {
      labels.reduce(legend) { $0.replacing("{{\($1.key)}}", with: $1.value) }
    }
  }

  public let panels: [Panel]

  /// - Parameter text: what `render grafana-dashboard` prints.
  public init(_ text: String) throws {
    panels = (try JSONValue(parsing: text.utf8)["panels"]?.array ?? []).map { panel in
      let defaults = panel["fieldConfig"]?["defaults"]
      let options = defaults?["mappings"]?.array?.first?["options"]?.members ?? []
      return Panel(
        title: panel["title"]?.string ?? "", unit: defaults?["unit"]?.string,
        states: Dictionary(
          options.compactMap { option in
            Int(option.key).map {
              ($0, (option.value["text"]?.string ?? "", option.value["color"]?.string ?? ""))
            }
          }, uniquingKeysWith: { first, _ in first }),
        queries: (panel["targets"]?.array ?? []).map {
          ($0["expr"]?.string ?? "", $0["legendFormat"]?.string ?? "")
        })
    }
  }
}
