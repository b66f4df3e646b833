import Report
import Testing

@Suite("What supervisors and browsers are told")
struct ReadinessTests {
  @Test(
    "ready is as long as traffic flows",
    arguments: [(Phase.ready, 200), (.degraded, 200), (.starting, 503), (.blocked, 503)])
  func status(_ phase: Phase, _ code: Int) {
    #expect(Readiness.httpStatus(phase) == code)
  }

  @Test("each reason is a line: its code to anybody, all of it to who may read the status")
  func reasons() {
    #expect(Readiness.text(Example.ready.status, .codes) == "ready")
    #expect(Readiness.text(Example.degraded.status, .codes) == "degraded\nexit-standby\nconfig-refused")
    #expect(
      Readiness.text(Example.blocked.status, .messages) == """
        blocked
        zerotier-access-denied: network a1b2c3d4e5f67890 does not admit this node. → Authorise node 89e92ceee5 at the \
        network's controller.
        """)
    var status = Example.blocked.status
    status.reasons = [Finding(code: "a\nb", message: "\u{1b}[2J", remedy: "")]
    #expect(Readiness.text(status, .messages) == "blocked\na\\nb: \\u{1b}[2J")
    #expect(Readiness.text(status, .codes) == "blocked\na\\nb")
  }

  @Test(
    "the landing page links all that there is, and is valid whatever the names are",
    arguments: Example.allCases)
  func landing(_ example: Example) {
    var status = example.status
    status.version = "<1>&\""
    let page = LandingPage.render(status)
    for link in ["/metrics", "/readyz", "/healthz"] { #expect(page.contains("<a href=\"\(link)\">")) }
    #expect(page.contains("Version &lt;1&gt;&amp;&quot;") && !page.contains("<1>"))
    #expect(
      page.contains("role \(status.role.rawValue)")
        && page.contains("<strong>\(status.phase.rawValue)</strong>"))
    #expect(page.hasPrefix("<!DOCTYPE html>\n") && page.hasSuffix("</html>\n"))
    // Nothing that only the status socket tells.
    for exit in status.exits { #expect(!page.contains(exit.name)) }
  }
}
