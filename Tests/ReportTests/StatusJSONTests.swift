import JSON
import Model
import Report
import Testing

@Suite("The status document")
struct StatusJSONTests {
  @Test("survives writing and reading", arguments: Example.allCases)
  func roundTrip(_ example: Example) throws {
    let read = try AgentStatus(json: JSONValue(parsing: example.status.json().text.utf8))
    #expect(read == example.status)
  }

  @Test("looks as in the golden files", arguments: [Example.ready, .blocked, .starting, .cloud])
  func golden(_ example: Example) throws {
    try expectGolden(example.status.json().text + "\n", "\(example.rawValue).json")
  }

  /// The document of the specification, with values in place of its ellipses.
  private static let specified = """
    { "version": "0.1.0", "role": "gateway", "phase": "ready",
      "reasons": [{"code": "exit-unhealthy", "message": "m", "remedy": "r"}],
      "startedAt": "2026-11-21T09:00:00Z", "phaseSince": "2026-11-21T09:00:01Z",
      "config": {"path": "/p", "sha256": "00", "loadedAt": "2026-11-21T09:00:00Z", "error": null},
      "zerotier": {"apiReachable": true, "networkStatus": "OK", "interface": "ztabcdefgh", "interfaceIndex": 7,
                   "addresses": ["10.147.17.1/24"]},
      "exits": [{"name": "cloud-a", "address": "10.147.17.2", "healthy": true, "active": true,
                 "rttSeconds": 0.0121, "lossRatio": 0.0, "path": "direct"}],
      "kernel": {"inSync": true, "objects": [{"kind": "rule", "desired": 4, "observed": 4}]},
      "reconcile": {"total": 12, "failures": 0, "lastDurationSeconds": 0.0009, "lastAt": "2026-11-21T09:00:00Z"},
      "drift": {"repairedTotal": 3, "lastRepairSeconds": 0.0006},
      "warnings": [{"code": "foreign-forward-drop", "message": "m", "remedy": "r"}] }
    """

  @Test("has every member that is promised, under its name and with its value")
  func promisedMembers() throws {
    var status = Example.gateway
    status.reasons = [Finding(code: "exit-unhealthy", message: "m", remedy: "r")]
    status.phaseSince = Timestamp(secondsSinceEpoch: Example.start.secondsSinceEpoch + 1)
    status.config.path = "/p"
    status.config.sha256 = "00"
    status.exits.removeLast()
    status.kernel.objects = [ObjectCount(kind: "rule", desired: 4, observed: 4)]
    status.reconcile.lastAt = Example.start
    status.warnings = [Finding(code: "foreign-forward-drop", message: "m", remedy: "r")]
    let specified = try JSONValue(parsing: StatusJSONTests.specified.utf8)
    expectMembers(of: specified, in: status.json(), at: "$")
  }

  private func expectMembers(of expected: JSONValue, in value: JSONValue?, at path: String) {
    switch expected {
    case .object(let members):
      for member in members {
        expectMembers(of: member.value, in: value?[member.key], at: path + "." + member.key)
      }
    case .array(let items):
      #expect(value?.array?.count == items.count, "\(path)")
      for (index, item) in items.enumerated() where index < value?.array?.count ?? 0 {
        expectMembers(of: item, in: value?.array?[index], at: path + "[\(index)]")
      }
    case .null, .bool, .integer, .number, .string: #expect(value == expected, "\(path)")
    }
  }

  @Test("has null where nothing is known, and never lacks a member")
  func absent() {
    let (full, empty) = (Example.cloud.status.json(), Example.starting.status.json())
    #expect(full.members?.map(\.key) == empty.members?.map(\.key))
    for path in [
      "config.sha256", "config.loadedAt", "config.error", "zerotier.networkStatus", "zerotier.interface",
    ] {
      let names = path.split(separator: ".").map(String.init)
      #expect(empty[names[0]]?[names[1]] == .null)
    }
    #expect(empty["wan"] == .null)
  }

  @Test("may say more than is understood")
  func newer() throws {
    var members = try #require(Example.gateway.json().members)
    members.append(.init("mood", "good"))
    #expect(try AgentStatus(json: .object(members)) == Example.gateway)
  }

  private static let faults: [(String, JSONValue, String)] = [
    ("version", .null, "version should be a string"),
    ("role", "king", "role should be one of gateway, cloud"),
    ("phase", 1, "phase should be one of starting, ready, degraded, blocked"),
    ("startedAt", "yesterday", "startedAt should be a time such as 2026-11-21T09:00:00Z"),
    ("tunnelUp", "yes", "tunnelUp should be true or false"),
    ("config", [], "config should be an object"),
    (
      "zerotier", ["apiReachable": true, "interface": "a/b"],
      "zerotier.interface should be an interface name or null"
    ),
    ("reasons", [["code": "c", "message": "m"]], "reasons[0].remedy should be a string"),
    (
      "exits", [["name": "a", "address": "10.147.17.2"], ["name": "b", "address": "c"]],
      "exits[0].healthy should be true or false"
    ),
    ("exits", [["name": "a", "address": "b"]], "exits[0].address should be an IP address"),
    ("drift", ["repairedTotal": -1], "drift.repairedTotal should be a count"),
    ("warnings", "none", "warnings should be an array"),
  ]

  @Test("is refused with the place where it is wrong", arguments: faults)
  func refusals(_ key: String, _ value: JSONValue, _ message: String) throws {
    let members = try #require(Example.gateway.json().members)
    let changed = members.map { $0.key == key ? JSONValue.Member(key, value) : $0 }
    let error = #expect(throws: StatusFormatError.self) { try AgentStatus(json: .object(changed)) }
    #expect(error?.description.contains(message) == true)
  }

  @Test("is refused when it is no object", arguments: [JSONValue.null, [], "status"])
  func noObject(_ value: JSONValue) {
    let error = #expect(throws: StatusFormatError.self) { try AgentStatus(json: value) }
    #expect(error?.expected == "an object")
    #expect(error?.path == "")
  }
}
