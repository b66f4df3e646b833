import Model
import Report
import Testing

@Suite("What a cloud server says of its WAN and its gateways")
struct CloudReportTests {
  private func page(_ status: AgentStatus) -> String {
    StatusPage.render(status, now: Example.now, width: 120, style: .plain)
  }

  private func metrics(_ status: AgentStatus) -> String {
    MetricsPage.render(status, MetricsTests.busy, MetricsTests.process)
  }

  @Test("a page shows the twelve busiest and how many more there are")
  func rows() {
    let lines = page(Example.silentWAN).split(separator: "\n")
    #expect(lines.count { $0.hasPrefix("  10.147.17.") } == 12)
    #expect(lines.contains("  and 18 more"))
    #expect(!page(Example.cloudServer).contains(" more"))
    #expect(!page(Example.gateway).contains("GATEWAY"))
  }

  @Test(
    "the WAN's metric is 1 only while nothing speaks against it",
    arguments: [
      (true, true, nil, 1), (true, true, true, 1), (true, true, false, 0), (false, true, nil, 0),
      (true, false, true, 0),
    ] as [(Bool, Bool, Bool?, Int)])
  func wanUp(_ hasRoute: Bool, _ hasCarrier: Bool, _ answers: Bool?, _ value: Int) {
    var status = Example.cloudServer
    status.wan?.hasDefaultRoute = hasRoute
    status.wan?.hasCarrier = hasCarrier
    status.wan?.answers = answers
    #expect(metrics(status).contains("\nliteboxd_agent_wan_up \(value)\n"))
    status.wan = nil
    #expect(metrics(status).contains("\nliteboxd_agent_wan_up 0\n"))
  }

  @Test("a gateway's own page has none of it")
  func gatewayRole() {
    #expect(
      !metrics(Example.gateway).contains("liteboxd_agent_wan") && !page(Example.gateway).contains("WAN"))
    #expect(!metrics(Example.gateway).contains("liteboxd_agent_gateway"))
  }

  @Test("as many gateways as there can be pass promtool")
  func many() throws {
    var status = Example.cloudServer
    let one = status.gateways[0]
    status.gateways = (0..<4096).map { number in
      var gateway = one
      gateway.address = IPAddress("10.147.\(number / 256).\(number % 256)")!
      return gateway
    }
    let text = metrics(status)
    #expect(
      text.split(separator: "\n").count { $0.hasPrefix("liteboxd_agent_gateway_sent_bytes_total{") } == 4096)
    let (output, code) = try run("/usr/bin/env", ["promtool", "check", "metrics"], input: text)
    #expect(code == 0 && output == "", "\(output.prefix(500))")
    #expect(try AgentStatus(json: status.json()) == status)
  }

  private static func wan(
    _ gateway: String? = "203.0.113.1", hasCarrier: Bool = true, answers: Bool? = nil, problem: String? = nil
  ) -> WANStatus {
    var wan = WANStatus(interface: InterfaceName("eth0")!, addresses: ["203.0.113.50/24"])
    wan.gateway = gateway.flatMap { IPAddress($0) }
    wan.hasDefaultRoute = gateway != nil
    wan.hasCarrier = hasCarrier
    wan.answers = answers
    wan.roundTripSeconds = answers == true ? 0.0042 : nil
    wan.problem = problem
    return wan
  }

  @Test(
    "the WAN's line says what is wrong",
    arguments: [
      (wan(answers: true), "router 203.0.113.1, answers in 4.2 ms"),
      (wan(), "router 203.0.113.1, link up"),
      (wan(hasCarrier: false, problem: "no carrier"), "router 203.0.113.1, no carrier"),
      (wan(nil, problem: "no default route in table main"), "no default route, link up"),
      (wan(answers: false, problem: "silence"), "router 203.0.113.1, does not answer (silence)"),
      (wan(answers: true, problem: nil), "router 203.0.113.1, answers in 4.2 ms"),
    ])
  func line(_ wan: WANStatus, _ expected: String) {
    var status = Example.cloudServer
    status.wan = wan
    let page = page(status)
    #expect(page.contains("\nWAN            eth0 with 203.0.113.50/24, \(expected)\n"), "\(page)")
  }
}
