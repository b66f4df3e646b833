import Model
import Testing

@testable import Configuration

@Suite("cloud.probe")
struct CloudProbeTests {
  private func target(_ text: String, _ port: UInt16) throws -> TCPTarget {
    TCPTarget(address: try address(text), port: port)
  }

  @Test("is off when it is not written")
  func off() throws {
    #expect(try cloudSettings("").probe == nil)
  }

  @Test("needs targets alone, and the rest are defaults")
  func defaults() throws {
    let probe = try #require(try cloudSettings("  probe: {through: [tcp://1.1.1.1:443]}").probe)
    #expect(probe == .cloud(through: [try target("1.1.1.1", 443)]))
    #expect(probe.interval == .seconds(10) && probe.timeout == .seconds(2))
    #expect(probe.failAfter == 3 && probe.recoverAfter == 2)
  }

  @Test("says what it says")
  func written() throws {
    let probe = try cloudSettings(
      """
        probe:
          through: [tcp://1.1.1.1:443, "tcp://8.8.8.8:53"]
          interval: 500ms
          timeout: 1m
          failAfter: 1
          recoverAfter: 100
      """
    ).probe
    var expected = ProbeSettings(
      interval: .milliseconds(500), timeout: .seconds(60), failAfter: 1, recoverAfter: 100)
    expected.through = [try target("1.1.1.1", 443), try target("8.8.8.8", 53)]
    #expect(probe == expected)
    #expect(probe?.through.map(\.description) == ["tcp://1.1.1.1:443", "tcp://8.8.8.8:53"])
  }

  private static let form = "a target such as tcp://1.1.1.1:443"

  private static func through(_ item: String, _ problem: String) -> Refused {
    .cloud("  probe:\n    through: [\(item)]\n", "6:15: cloud.probe.through[0]: \(problem)")
  }

  static let refusedTexts: [Refused] = [
    .cloud(
      "  probe: {}\n",
      "5:3: cloud.probe.through: missing; expected a list of targets such as tcp://1.1.1.1:443"),
    .cloud(
      "  probe: tcp://1.1.1.1:443\n",
      "5:10: cloud.probe: expected a mapping with through, interval, timeout, failAfter and recoverAfter, found \"tcp://1.1.1.1:443\""
    ),
    .cloud(
      "  probe:\n    through: tcp://1.1.1.1:443\n",
      "6:14: cloud.probe.through: expected a list of targets such as tcp://1.1.1.1:443, found \"tcp://1.1.1.1:443\""
    ),
    .cloud("  probe:\n    through: []\n", "6:14: cloud.probe.through: empty; expected at least one target"),
    .cloud(
      "  probe:\n    through: [" + (1...9).map { "tcp://1.1.1.\($0):443" }.joined(separator: ", ") + "]\n",
      "6:14: cloud.probe.through: 9 entries; at most 8 are supported"),
    through(
      "tcp://one.one:443",
      "\"tcp://one.one:443\" names its server; names are not resolved, expected an IPv4 address as in tcp://1.1.1.1:443"
    ),
    through("tcp://1.1.1.1", "expected \(form), found \"tcp://1.1.1.1\""),
    through("tcp://1.1.1.1:0", "expected \(form), found \"tcp://1.1.1.1:0\""),
    through("tcp://1.1.1.1:65536", "expected \(form), found \"tcp://1.1.1.1:65536\""),
    through("tcp://1.1.1.1:443/", "expected \(form), found \"tcp://1.1.1.1:443/\""),
    through("~", "expected \(form), found nothing"),
    through(
      "1.1.1.1:443", "expected \(form), found \"1.1.1.1:443\"; did you mean \"tcp://1.1.1.1:443\"?"),
    through(
      "https://1.1.1.1:443",
      "\"https://1.1.1.1:443\" has a scheme that is not supported; expected tcp://"),
    through(
      "udp://1.1.1.1:53", "\"udp://1.1.1.1:53\" has a scheme that is not supported; expected tcp://"
    ),
    through(
      "\"tcp://[2606:4700::1]:443\"",
      "\"tcp://[2606:4700::1]:443\" is IPv6, which is not supported yet; expected tcp://1.1.1.1:443"
    ),
    through(
      "tcp://127.0.0.1:80",
      "\"tcp://127.0.0.1:80\" is a loopback address; expected a server such as tcp://1.1.1.1:443"
    ),
    through(
      "tcp://10.147.17.9:80",
      "10.147.17.9 lies in 10.147.17.0/24 of cloud.sources, and so in the tunnel; expected a host of the Internet"
    ),
    .cloud(
      "  probe: {through: [tcp://1.1.1.1:443], interval: 2m}\n",
      "5:51: cloud.probe." + RefusalTables.durations("interval", "100ms to 1m", "2m")),
    .cloud(
      "  probe: {through: [tcp://1.1.1.1:443], timeout: 5}\n",
      "5:50: cloud.probe.timeout: \"5\" has no unit; expected a duration from 10ms to 1m, such as 500ms, 2s or 1m"
    ),
    .cloud(
      "  probe: {through: [tcp://1.1.1.1:443], failAfter: 0}\n",
      "5:52: cloud.probe.failAfter: expected a whole number from 1 to 100, found \"0\""),
    .cloud(
      "  probe: {through: [tcp://1.1.1.1:443], failbackAfter: 5s}\n",
      "5:41: cloud.probe.failbackAfter: unknown key; the keys here are failAfter, interval, recoverAfter, through, timeout"
    ),
  ]

  @Test("refuses what no target or time is, with its place", arguments: refusedTexts)
  func refused(_ refused: Refused) { #expect(refusals(refused.text) == refused.lines) }

  @Test("warns of a target that stands twice")
  func twice() throws {
    let text = cloudText("  probe: {through: [tcp://1.1.1.1:443, tcp://1.1.1.1:443]}\n")
    let parsed = try ParsedConfiguration(Array(text.utf8), path: "f")
    #expect(
      parsed.warnings.map(\.description) == [
        "f:5:40: cloud.probe.through[1]: tcp://1.1.1.1:443 stands in the list twice"
      ])
  }
}
