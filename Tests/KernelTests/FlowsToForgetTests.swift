import Model
import Testing

@testable import Kernel

@Suite("Which flows begin anew")
struct FlowsToForgetTests {
  private static let source = "10.147.17.1"
  private static let own = "10.147.17.2"
  private static let server = "198.51.100.80"

  /// Source, destination, what it leaves as, and whether it is meant.
  static let cases: [(String, String, String?, Bool)] = [
    (source, server, nil, true),
    (source, "10.147.17.3", nil, false),
    (source, own, nil, false),
    (source, server, "203.0.113.50", false),
    (source, server, "192.0.2.9", true),
    // Of others, whatever they look like.
    ("10.9.9.9", server, nil, false), ("10.9.9.9", server, "192.0.2.9", false),
    // This server's own flows may be translated by somebody else's rules.
    (own, server, "192.0.2.9", false), (own, server, nil, true),
  ]

  private func entry(_ source: String, _ destination: String, _ translation: String?) throws
    -> ConnectionTracking.Entry
  {
    ConnectionTracking.Entry(
      source: try #require(IPAddress(source)), destination: try #require(IPAddress(destination)),
      translation: translation.flatMap(IPAddress.init), tuple: [], identifier: nil, zone: nil)
  }

  @Test("those of the sources that are untranslated, or translated to what is not used", arguments: cases)
  func meant(_ source: String, _ destination: String, _ translation: String?, _ isMeant: Bool) throws {
    let network = try CIDR(parsing: "10.147.17.0/24")
    let flows = FlowsToForget(
      from: [network], sparing: [network], translations: [try #require(IPAddress("203.0.113.50"))],
      own: [try #require(IPAddress(Self.own))])
    #expect(try flows.contains(entry(source, destination, translation)) == isMeant)
  }

  @Test("no translated one, where it cannot be told what the kernel chooses")
  func unknown() throws {
    let flows = FlowsToForget(from: [try CIDR(parsing: "10.147.17.0/24")], sparing: [])
    #expect(try !flows.contains(entry(Self.source, Self.server, "192.0.2.9")))
    #expect(try flows.contains(entry(Self.source, Self.server, nil)))
  }
}
