import JSON

/// A panel of Grafana's dashboard.
struct GrafanaPanel: Hashable, Sendable {
  /// How it is drawn.
  enum Kind: Hashable, Sendable {
    /// Lines over time, in a unit of Grafana's.
    case lines(unit: String)
    /// A bar over time for each series, coloured by what each value means, from 0 or 1 up.
    case states([State])
  }

  struct State: Hashable, Sendable {
    let value: Int
    let text: String
    let colour: String
  }

  struct Query: Hashable, Sendable {
    /// PromQL. `$instance` and `$__rate_interval` are Grafana's to fill in.
    let expression: String
    /// The series' name, with its labels in `{{}}`.
    let legend: String
  }

  let title: String
  let description: String
  let kind: Kind
  let queries: [Query]

  static let dataSource: JSONValue = ["type": "prometheus", "uid": "${datasource}"]

  /// - Parameter place: from 0 on; two stand beside each other, each half of the 24 columns wide.
  func json(at place: Int) -> JSONValue {
    [
      "id": .integer(Int64(place + 1)), "type": .string(kind.type), "title": .string(title),
      "description": .string(description), "datasource": GrafanaPanel.dataSource,
      "gridPos": [
        "x": .integer(Int64(place % 2 * 12)), "y": .integer(Int64(place / 2 * 8)), "w": 12, "h": 8,
      ],
      "fieldConfig": ["defaults": kind.defaults, "overrides": []], "options": kind.options,
      "targets": .array(queries.enumerated().map { $0.element.json(at: $0.offset) }),
    ]
  }
}

extension GrafanaPanel.Query {
  fileprivate func json(at place: Int) -> JSONValue {
    let name = String(Unicode.Scalar(UInt8(ascii: "A") + UInt8(place)))
    return [
      "refId": .string(name), "datasource": GrafanaPanel.dataSource, "expr": .string(expression),
      "legendFormat": .string(legend),
    ]
  }
}

extension GrafanaPanel.Kind {
  fileprivate var type: String {
    switch self {
    case .lines: "timeseries"
    case .states: "state-timeline"
    }
  }

  fileprivate var defaults: JSONValue {
    switch self {
    case .lines(let unit):
      [
        "unit": .string(unit), "min": 0,
        "custom": ["lineWidth": 1, "fillOpacity": 10, "showPoints": "never"],
      ]
    case .states(let states):
      [
        "color": ["mode": "thresholds"],
        "mappings": [
          [
            "type": "value", "options": .object(states.map { .init("\($0.value)", $0.json) }),
          ]
        ],
      ]
    }
  }

  fileprivate var options: JSONValue {
    switch self {
    case .lines:
      [
        "legend": ["displayMode": "list", "placement": "bottom", "showLegend": true],
        "tooltip": ["mode": "multi", "sort": "desc"],
      ]
    case .states:
      [
        "mergeValues": true, "showValue": "auto", "rowHeight": 0.8,
        "legend": ["displayMode": "list", "placement": "bottom", "showLegend": false],
      ]
    }
  }
}

extension GrafanaPanel.State {
  fileprivate var json: JSONValue {
    ["text": .string(text), "color": .string(colour), "index": .integer(Int64(value))]
  }
}
