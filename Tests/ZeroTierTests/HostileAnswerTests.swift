import JSON
import Model
import Testing
import ZeroTier

@Suite("Hostile answers")
struct HostileAnswerTests {
  /// A good document with one field replaced.
  func document(_ key: String, _ value: JSONValue) throws -> [UInt8] {
    let members = try JSONValue(parsing: recorded("network-ok")).members ?? []
    let changed = members.map { $0.key == key ? JSONValue.Member(key, value) : $0 }
    return Array(JSONValue.object(changed).text.utf8)
  }

  func report(_ key: String, _ value: JSONValue) throws -> NetworkReport {
    try NetworkReport(parsing: document(key, value), about: ReportTests.network)
  }

  @Test(
    "a device name that is no plain interface name is refused",
    arguments: [
      "zt;reboot", "../x", "zt 0", "zt\n0", "..", "a234567890123456", "zt$(id)", "zt\u{202e}0", "zt0\0",
      "zt/0", "zté",
    ])
  func interfaceName(_ name: String) throws {
    #expect {
      try report("portDeviceName", .string(name))
    } throws: { error in
      guard case APIFailure.malformed(let what) = error else { return false }
      return what.hasPrefix("portDeviceName: no interface name") && !what.contains { $0 < " " }
    }
  }

  @Test("no device name yet is no interface")
  func noInterface() throws { #expect(try report("portDeviceName", "").interface == nil) }

  @Test("a name is kept printable and short")
  func name() throws {
    let hostile = String(repeating: "\u{1b}[2J\u{9b}\u{202e}\u{2028}", count: 200)
    let name = try report("name", .string(hostile)).name
    #expect(name.unicodeScalars.count == 64 && name.hasPrefix("?[2J???"))
    #expect(try report("name", "Büro 中文 🛰").name == "Büro 中文 🛰")
  }

  @Test("a state that is not known is passed on, printable")
  func status() throws {
    #expect(try report("status", "MOVED").status == .other("MOVED"))
    #expect(try report("status", "OK\n").status == .other("OK?"))
  }

  @Test(
    "a field that is not as it should be is named",
    arguments: [
      ("assignedAddresses", ["10.147.17.1"], "assignedAddresses[0]: no address with a prefix length"),
      (
        "assignedAddresses", ["10.147.17.1/24", "10.147.17.1/33"],
        "assignedAddresses[1]: no address with a prefix length"
      ),
      ("assignedAddresses", [7], "assignedAddresses[0]: no address with a prefix length"),
      ("assignedAddresses", .null, "assignedAddresses: no list"),
      ("id", "33ffeb838b00000", "id: no network ID of 16 hexadecimal digits"),
      ("status", 7, "status: no text"), ("mtu", -1, "mtu: no integer from 0 to 65535"),
      ("mtu", 1e9, "mtu: no integer from 0 to 65535"),
      ("allowDefault", "yes", "allowDefault: neither true nor false"),
      ("routes", ["x"], "routes[0]: no object"),
      ("routes", [["target": "x", "via": .null]], "routes[0].target: no network"),
      ("routes", [["target": "10.0.0.0/8", "via": "x\u{1b}"]], "routes[0].via: no address"),
      ("routes", [["target": "10.0.0.0/8"]], "routes[0].via: no text"),
    ] as [(String, JSONValue, String)])
  func malformed(_ key: String, _ value: JSONValue, _ what: String) throws {
    #expect(throws: APIFailure.malformed(what)) { try report(key, value) }
  }

  @Test("what is no JSON object is malformed", arguments: ["", "[]", "OK", "{\"id\":", "\u{1b}[2J"])
  func noObject(_ text: String) {
    #expect {
      try NetworkReport(parsing: Array(text.utf8), about: ReportTests.network)
    } throws: { error in
      guard case APIFailure.malformed(let what) = error else { return false }
      return !what.contains { $0 < " " }
    }
  }

  @Test("every failure has its own label, a message and a remedy")
  func labels() {
    let failures: [APIFailure] = [
      .tokenUnreadable(path: "/x", .init(rawValue: 13)), .unauthorized, .refused, .timedOut, .closedEarly,
      .tooLarge,
      .malformed("x"), .unexpectedStatus(500), .anotherNetwork(ReportTests.network),
      .system(.init(rawValue: 101)),
    ]
    #expect(
      failures.map(\.kind) == [
        "token", "unauthorized", "refused", "timeout", "closed", "too-large", "malformed", "status",
        "other-network",
        "system",
      ])
    #expect(failures[0].message == "reading ZeroTier's token from /x: permission denied (EACCES)")
    #expect(failures.allSatisfy { !$0.remedy.isEmpty && $0.description.hasPrefix($0.message) })
  }
}
