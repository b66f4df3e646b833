import Model
import Testing

@testable import Kernel

/// The messages were dumped where these commands had been given:
/// `ip rule add priority 150 from 10.147.17.1 lookup 100`, 151 to 10.0.0.0/8, 152 suppressing, 153 by port;
/// `ip -6 rule add priority 150 from fd00::/64 unreachable`; the routes and sets that are expected here.
@Suite("What was dumped before anything is broken")
struct CorpusTests {
  @Test("rules are those that were set")
  func rules() throws {
    let rules = try payloads("rules").compactMap { try $0.withUnsafeBytes { try RuleCodec.decode($0) } }
    #expect(
      rules.map(\.rule.priority.rawValue).sorted() == [0, 0, 150, 150, 151, 152, 153, 32766, 32766, 32767])
    let guarded = try #require(rules.first { $0.rule.priority.rawValue == 150 && $0.rule.family == .ipv4 })
    #expect(guarded.rule.selector.source.map { "\($0)" } == "10.147.17.1/32")
    #expect(guarded.rule.action == .lookup(RoutingTableID(rawValue: 100)))
  }

  @Test("routes are those that were set")
  func routes() throws {
    let routes = try payloads("routes").compactMap { try $0.withUnsafeBytes { try RouteCodec.decode($0) } }
    let keys = routes.map(\.route.key).map { "\($0.table.rawValue) \($0.destination)" }
    for key in [
      "100 0.0.0.0/0", "300 10.0.0.0/8", "300 192.0.2.0/24", "300 198.51.100.0/24", "101 100.64.0.0/10",
      "100 ::/0", "101 2001:db8::/32",
    ] { #expect(keys.contains(key), "\(key) in \(keys)") }
    let spread = try #require(routes.first { "\($0.route.key.destination)" == "100.64.0.0/10" })
    guard case .unicast(let hops) = spread.route.value.kind else {
      throw Finding("no next hops: \(spread.route)")
    }
    #expect(hops.map(\.weight) == [2, 1])
    #expect(hops.compactMap(\.gateway).map { "\($0)" } == ["10.147.17.1", "203.0.113.1"])
  }

  @Test("nftables sets are those that were set, and a key too wide for its set makes none of it")
  func sets() throws {
    let dump = try NftablesDump(try dumpedMessages("nftables"))
    let lines = try summary(of: dump, with: nil)
    #expect(lines.contains("set ports 80...80 443...500 60000...65535"), "\(lines)")
    #expect(lines.contains("set sources 177410304...177410559 3221225991...3221225991"), "\(lines)")
    // Elements with keys of IPv6, among those of each set.
    let wide = try #require(try dumpedMessages("nftables").last { $0[4] == 12 && $0.contains(0xfd) })
    #expect(try summary(of: dump, with: wide).contains("set ports "))
  }

  private func payloads(_ name: String) throws -> [[UInt8]] {
    try dumpedMessages(name).map { Array($0.dropFirst(NetlinkMessage.headerSize)) }
  }
}
