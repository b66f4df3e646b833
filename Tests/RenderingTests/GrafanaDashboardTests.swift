import JSON
import Report
import Testing

@testable import Rendering

@Suite("The dashboard for Grafana")
struct GrafanaDashboardTests {
  private static func document() throws -> JSONValue {
    try JSONValue(parsing: Array(GrafanaDashboard.text.utf8))
  }

  private static func panels() throws -> [JSONValue] { try #require(try document()["panels"]?.array) }

  private static func expressions() throws -> [String] {
    try panels().flatMap { $0["targets"]?.array ?? [] }.compactMap { $0["expr"]?.string }
  }

  @Test("is a document of the schema that it names, with a data source and agents to choose")
  func document() throws {
    let document = try Self.document()
    #expect(document["schemaVersion"] == 39 && document["uid"] == "liteboxd-agent")
    let variables = document["templating"]?["list"]?.array?.compactMap { $0["name"]?.string }
    #expect(variables == ["datasource", "instance"])
  }

  @Test("has a panel for each thing to watch, with a title, a meaning and a query")
  func titles() throws {
    let panels = try Self.panels()
    #expect(
      panels.compactMap { $0["title"]?.string } == [
        "Phase", "Warnings", "Exits' health", "Round trip to exits", "Traffic through the tunnel",
        "Packets through the tunnel", "Forwarded", "By gateway", "Dropped by guards", "Connection tracking",
        "Drift repaired", "Time to repair", "Passes that failed", "ZeroTier's API without a usable answer",
      ])
    for panel in panels {
      #expect(panel["description"]?.string?.isEmpty == false && panel["targets"]?.array?.isEmpty == false)
    }
  }

  @Test("has panels with numbers of their own, none upon another and none beyond the right edge")
  func layout() throws {
    var cells: Set<[Int64]> = []
    let panels = try Self.panels()
    #expect(Set(panels.compactMap { $0["id"]?.integer }).count == panels.count)
    for panel in panels {
      let place = try ["x", "y", "w", "h"].map { try #require(panel["gridPos"]?[$0]?.integer) }
      #expect(place[0] >= 0 && place[0] + place[2] <= 24)
      for x in place[0]..<place[0] + place[2] {
        for y in place[1]..<place[1] + place[3] {
          #expect(cells.insert([x, y]).inserted, "\(panel["title"]?.string ?? "")")
        }
      }
    }
  }

  @Test("has a letter of its own for each query of a panel")
  func references() throws {
    for panel in try Self.panels() {
      let names = (panel["targets"]?.array ?? []).compactMap { $0["refId"]?.string }
      #expect(Set(names).count == names.count && !names.isEmpty)
    }
  }

  /// The expressions as recording rules, with Grafana's variables filled in.
  private static func rules(_ expressions: [String]) -> String {
    let rules = expressions.enumerated().map { place, expression -> YAMLValue in
      let filled = expression.replacing("$__rate_interval", with: "5m").replacing("$instance", with: ".+")
      return .mapping([.init("record", .text("panel:\(place)")), .init("expr", .text(filled))])
    }
    let group = YAMLValue.mapping([.init("name", .text("panels")), .init("rules", .list(rules))])
    return YAMLValue.mapping([.init("groups", .list([group]))]).document()
  }

  @Test("asks what Prometheus understands")
  func expressions() throws {
    let expressions = try Self.expressions()
    let rules = Self.rules(expressions)
    let (output, status) = try run(["promtool", "check", "rules", "rules.yaml"], with: ["rules.yaml": rules])
    #expect(status == 0 && output.contains("SUCCESS: \(expressions.count) rules found"), "\(output)")
    let broken = Self.rules(expressions + ["rate(up[$__rate_interval)"])
    #expect(try run(["promtool", "check", "rules", "rules.yaml"], with: ["rules.yaml": broken]).status != 0)
  }

  @Test("asks for what the agent has, of the chosen agents")
  func metrics() throws {
    for expression in try Self.expressions() {
      let names = AgentMetrics.names(in: expression)
      #expect(!names.isEmpty && names.isSubset(of: AgentMetrics.all), "\(expression)")
      #expect(!expression.contains("$instance") || expression.contains(#"instance=~"$instance""#))
    }
  }

  @Test(
    "shows each phase as its own value",
    arguments: zip(["blocked", "starting", "degraded", "ready"], 1...4))
  func phases(_ phase: String, _ value: Int) throws {
    #expect(Phase.allCases.map(\.rawValue).contains(phase))
    let series = Phase.allCases.map { other in
      "      - {series: 'liteboxd_agent_phase{instance=\"g\",phase=\"\(other.rawValue)\"}', values: "
        + "'\(other.rawValue == phase ? 1 : 0)+0x5'}"
    }
    let test = """
      rule_files: [rules.yaml]
      evaluation_interval: 1m
      tests:
        - interval: 1m
          input_series:
      \(series.joined(separator: "\n"))
          promql_expr_test:
            - {expr: 'panel:0', eval_time: 3m, exp_samples: [{labels: 'panel:0{instance="g"}', value: \(value)}]}

      """
    let rules = Self.rules([try #require(try Self.expressions().first)])
    let (output, status) = try run(
      ["promtool", "test", "rules", "test.yaml"], with: ["rules.yaml": rules, "test.yaml": test])
    #expect(status == 0, "\(output)")
    let mappings = try Self.panels()[0]["fieldConfig"]?["defaults"]?["mappings"]?.array
    #expect(mappings?.first?["options"]?["\(value)"]?["text"]?.string == phase)
  }

  @Test("has each of its panels in the documentation's picture")
  func picture() throws {
    let picture = try text(of: "docs/dashboard.svg")
    for title in try Self.panels().compactMap({ $0["title"]?.string }) {
      #expect(picture.contains(">\(title)</text>"), "make captures draws it anew")
    }
  }

  @Test("is shipped as it is rendered")
  func shipped() throws { #expect(try text(of: "config/grafana-dashboard.json") == GrafanaDashboard.text) }
}
