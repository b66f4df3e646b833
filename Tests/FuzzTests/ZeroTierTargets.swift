import JSON
import Model
import TestPeers

@testable import ZeroTier

private let jsonWords = [
  "{", "}", "[", "]", ",", ":", "\"", "\\u0000", "\\ud800", "\\u202e", "null", "true", "false", "-1", "1e999",
  "9223372036854775808", "0.5", "{}", "[[[[[[[[", "{\"a\":", "\"\"", "\u{1b}[2J", "\"paths\": []",
  "\"::1/128\"",
]

let zeroTierTargets = [
  recordings("network", ["ok", "managed-routes", "two-addresses", "access-denied", "just-joined"]) { bytes in
    let id = try JSONValue(parsing: bytes)["id"]?.string
    guard let network = id.flatMap({ ZeroTierNetworkID($0) }) else { throw APIFailure.closedEarly }
    guard case .joined(let report) = try NetworkAnswer(status: 200, body: bytes, about: network) else {
      throw Finding("200 is no answer that nothing was joined")
    }
    try promise(report.id == network, "another network")
    try checkPrintable(report.name)
    try promise((0...65_535).contains(report.mtu), "MTU \(report.mtu)")
    _ = report.routes.map { "\($0.target)" } + report.assignedAddresses.map { "\($0.network)" }
  },
  recordings("status", ["online", "offline"]) { bytes in
    try checkPrintable(try NodeReport(status: 200, body: bytes).version)
  },
  recordings("peer", ["direct", "several-paths", "relayed", "never-met"]) { bytes in
    let address = try JSONValue(parsing: bytes)["address"]?.string
    guard let peer = address.flatMap({ ZeroTierNodeID($0) }) else { throw APIFailure.closedEarly }
    let list = Array("[".utf8) + bytes + Array("]".utf8)
    let listed = try PeerReport.parseList(status: 200, body: list, about: [peer])
    let report = try PeerReport.parse(status: 200, body: bytes, about: peer)
    try promise(try listed[peer]?.get() == report, "another report in a list")
    try checkPrintable(report?.version ?? "")
  },
  FuzzTarget(
    name: "JSON", corpus: { [try repositoryBytes("Tests/ZeroTierTests/Recorded/status-online.json")] },
    words: jsonWords,
    check: {
      { input, _ in
        guard let value = try? JSONValue(parsing: input) else { return .refused }
        let again = try JSONValue(parsing: Array(value.text.utf8))
        try promise(again == value, "\(again.text) is not \(value.text)")
        return .taken
      }
    }),
]

private func checkPrintable(_ text: String) throws {
  try promise(text.unicodeScalars.count <= 64, "\(text.unicodeScalars.count) characters")
  try promise(!text.unicodeScalars.contains { $0.value < 0x20 || $0 == "\u{202e}" }, "not printable")
}

/// Answers that zerotier-one once gave. `read` throws an `APIFailure` or a `JSONError` for a refusal.
private func recordings(
  _ kind: String, _ names: [String], _ read: @escaping @Sendable ([UInt8]) throws -> Void
) -> FuzzTarget {
  FuzzTarget(
    name: "ZeroTier \(kind)",
    corpus: { try names.map { try repositoryBytes("Tests/ZeroTierTests/Recorded/\(kind)-\($0).json") } },
    words: jsonWords,
    check: {
      { input, _ in
        do { try read(input) } catch let failure as APIFailure {
          try promise(!failure.message.contains { $0 < " " }, "control characters: \(failure.message)")
          return .refused
        } catch is JSONError {
          return .refused
        }
        return .taken
      }
    })
}
