import Testing

@testable import Configuration

/// A text, and the lines that refuse it.
struct Refused: CustomTestStringConvertible, Sendable {
  let text: String
  let lines: [String]

  init(_ text: String, _ lines: String...) {
    self.text = text
    self.lines = lines
  }

  /// Below the least gateway; the first added line is line 6.
  static func gateway(_ more: String, _ lines: String...) -> Refused {
    Refused(text: gatewayText(more), lines: lines)
  }

  /// Below the least cloud server; the first added line is line 5.
  static func cloud(_ more: String, _ lines: String...) -> Refused {
    Refused(text: cloudText(more), lines: lines)
  }

  init(text: String, lines: [String]) {
    self.text = text
    self.lines = lines
  }

  var testDescription: String { lines.first ?? "nothing" }
}

@Suite("A file that cannot be used is refused with its place")
struct RefusalTests {
  @Test("keys: unknown, missing, of the other role", arguments: RefusalTables.keys)
  func keys(_ refused: Refused) { #expect(refusals(refused.text) == refused.lines) }

  @Test("values of a gateway", arguments: RefusalTables.gateway)
  func gatewayValues(_ refused: Refused) { #expect(refusals(refused.text) == refused.lines) }

  @Test("end-to-end checks that would prove nothing", arguments: RefusalTables.endToEnd)
  func endToEnd(_ refused: Refused) { #expect(refusals(refused.text) == refused.lines) }

  @Test("values of a cloud server", arguments: RefusalTables.cloud)
  func cloudValues(_ refused: Refused) { #expect(refusals(refused.text) == refused.lines) }

  @Test("values of the other sections", arguments: RefusalTables.operation)
  func otherValues(_ refused: Refused) { #expect(refusals(refused.text) == refused.lines) }

  @Test("YAML that no configuration needs", arguments: RefusalTables.yaml)
  func yaml(_ refused: Refused) { #expect(refusals(refused.text) == refused.lines) }

  @Test("the text is not UTF-8")
  func encodings() {
    let text = Array("role: gateway\n# é\nstatus: {group: ".utf8)
    #expect(
      refusals(text + [0xff] + Array("}\n".utf8)) == ["3:17: not a UTF-8 text: invalid leading UTF-8 octet"])
    #expect(refusals([0xff, 0xfe, 0x72, 0]) == ["1:1: not a UTF-8 text: invalid leading UTF-8 octet"])
    #expect(refusals("a: \u{1}") == ["1:4: not a UTF-8 text: control characters are not allowed"])
  }

  @Test("no file makes more than 20 lines, and those come in the file's order")
  func manyErrors() throws {
    let text = (1...50).map { "unknown\($0): 1\n" }.joined()
    let lines = refusals(text)
    #expect(lines.count == 20)
    #expect(lines.first == "1:1: role: missing; expected gateway or cloud")
    #expect(lines.last?.hasPrefix("18:1: unknown18: unknown key") == true)
  }

  @Test("the headline is the first line, with the file's name")
  func headline() throws {
    let errors = try #require(throws: ConfigurationErrors.self) {
      try AgentConfiguration(
        parsing: Array(gatewayText("  egresIP: 1\n").utf8), path: "/etc/liteboxd/agent.yaml")
    }
    #expect(
      errors.headline.description
        == "/etc/liteboxd/agent.yaml:6:3: gateway.egresIP: unknown key; did you mean \"egressIP\"?")
    #expect(errors.headline == errors.all.first)
    #expect(errors.headline.line == 6 && errors.headline.column == 3)
    #expect(errors.headline.suggestion == "egressIP")
  }

  @Test("all errors of a file in one line are the headline and how many more there are")
  func oneLine() throws {
    let one = try #require(throws: ConfigurationErrors.self) { try parse(gatewayText("stauts: {}\n")) }
    #expect(one.description == "agent.yaml:6:1: stauts: unknown key; did you mean \"status\"?")
    let two = try #require(throws: ConfigurationErrors.self) { try parse("") }
    #expect(two.description == "agent.yaml:1:1: role: missing; expected gateway or cloud (and 1 more)")
    let many = try #require(throws: ConfigurationErrors.self) {
      try parse((1...50).map { "unknown\($0): 1\n" }.joined())
    }
    #expect(many.description.hasSuffix(" (and 19 more)"))
  }

  @Test("names from the file cannot speak to a terminal or break a line")
  func hostileNames() {
    let key = #""\e[2J\nrole\u202e\"""# + ": 1\n"
    let lines = refusals(gatewayText(key))
    #expect(lines.count == 1)
    #expect(lines.first?.hasPrefix(#"6:1: \u{1b}[2J\nrole\u{202e}\": unknown key"#) == true)
    let long = refusals(gatewayText("  spread: \(String(repeating: "x", count: 5000))\n"))
    #expect(
      long == [
        "6:11: gateway.spread: expected none or flows, found \"\(String(repeating: "x", count: 80))…\""
      ])
    let path = "/tmp/a\n\u{1b}[31m.yaml"
    #expect(throws: ConfigurationErrors.self) { try loadConfiguration(at: path) }
    let error = ConfigurationError(path: path, position: nil, key: "", problem: "p", suggestion: nil)
    #expect(error.description == #"/tmp/a\n\u{1b}[31m.yaml: p"#)
  }

  @Test("the nearest word is named, and none when none is near")
  func nearestWords() {
    let keys = ["egressIP", "exits", "excludedCIDRs", "probe"]
    #expect(nearest(to: "egresip", among: keys) == "egressIP")
    #expect(nearest(to: "exist", among: keys) == "exits")
    #expect(nearest(to: "excludedCIDR", among: keys) == "excludedCIDRs")
    #expect(nearest(to: "weather", among: keys) == nil)
    #expect(nearest(to: String(repeating: "e", count: 100_000), among: keys) == nil)
    #expect(editDistance("ab", "ba") == 1)
    #expect(editDistance("", "abc") == 3)
  }

  @Test("what is usable and odd is warned of")
  func warnings() throws {
    let text = cloudText(
      """
        allow: [{protocol: tcp}, {protocol: tcp, ports: [80]}]
        denyDestinations: [10.0.0.0/8, 10.1.0.0/16, 10.0.0.0/8]

      """)
    let parsed = try ParsedConfiguration(Array(text.utf8), path: "f")
    #expect(
      parsed.warnings.map(\.description) == [
        "f:5:28: cloud.allow[1]: cloud.allow[0] allows all ports already; this changes nothing",
        "f:6:34: cloud.denyDestinations[1]: 10.1.0.0/16 lies inside 10.0.0.0/8 and changes nothing",
        "f:6:47: cloud.denyDestinations[2]: 10.0.0.0/8 stands in the list twice",
      ])
    guard case .cloud(let settings) = parsed.configuration.role else { throw NotThisRole() }
    #expect(settings.denyDestinations == (try networks("10.0.0.0/8", "10.1.0.0/16")))
  }
}
