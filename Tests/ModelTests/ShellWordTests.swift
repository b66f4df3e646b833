import Model
import Testing

@Suite("A word of a shell's command line")
struct ShellWordTests {
  @Test(
    "is quoted only where a shell would make something of it",
    arguments: [
      ("ztabcdefgh", "ztabcdefgh"), ("eth0.17@x", "eth0.17@x"), ("", "''"), ("zt;reboot", "'zt;reboot'"),
      ("$(id)`id`\"", "'$(id)`id`\"'"), ("a'b", #"$'a\'b'"#), ("\u{1b}[2J\\", #"$'\x1b[2J\\'"#),
      ("é\n", #"$'\xc3\xa9\x0a'"#),
    ])
  func word(_ text: String, _ word: String) {
    #expect(text.shellWord == word)
  }

  @Test("names a link in commands")
  func link() throws {
    let name = try #require(InterfaceName("zt;reboot"))
    let rule = RoutingRule(
      family: .ipv4, priority: RulePriority(rawValue: 152), selector: .init(outputInterface: name),
      action: .lookup(.main))
    #expect("\(rule)".hasPrefix("priority 152 from all oif 'zt;reboot' lookup main"))
  }
}
