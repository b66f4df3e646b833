import Foundation
import Testing

@Suite("The table of hostile scenarios")
struct ScenarioTableTests {
  @Test("docs/fail-closed.md names the tests of each scenario, and there are no others")
  func tests() throws {
    let rows = try text(of: "docs/fail-closed.md").matches(of: /\| (S\d+) \|.*\| ([A-Za-z, ]+) \|/)
    let named = Dictionary(
      grouping: rows.flatMap { row in
        row.2.split(separator: ", ").map { (scenario: String(row.1), file: String($0)) }
      }, by: \.scenario
    ).mapValues { Set($0.map(\.file)) }
    #expect(rows.count == named.count, "each scenario has one row")
    #expect(try named == suites())
    #expect(named.count >= 39)
  }

  /// The files of each scenario's suites.
  private func suites() throws -> [String: Set<String>] {
    let folder = packageRoot.appending(path: "Tests/ScenarioTests")
    var found: [String: Set<String>] = [:]
    for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    where file.pathExtension == "swift" {
      let source = try String(contentsOf: file, encoding: .utf8)
      for suite in source.matches(of: #/@Suite\(\s*"(S\d+(?:, S\d+)*): /#) {
        for scenario in suite.1.split(separator: ", ") {
          found[String(scenario), default: []].insert(file.deletingPathExtension().lastPathComponent)
        }
      }
    }
    return found
  }
}
