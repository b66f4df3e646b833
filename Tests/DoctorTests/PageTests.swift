import JSON
import Model
import Reconciliation
import Report
import Testing

@testable import Doctor

@Suite("The page of doctor")
struct DoctorPageTests {
  private func lines(_ host: HostObservations, width: Int = 80) -> [String] {
    DoctorPage.render(Diagnosis(host), width: width, style: .plain).split(separator: "\n").map(String.init)
  }

  @Test("begins with the answers to both questions")
  func headlines() {
    #expect(lines(Hosts.gateway)[0] == "● no leak; sandboxes reach the Internet: all passed")
    #expect(lines(Hosts.cloud)[0] == "● no leak; gateways reach the Internet: all passed")
    var host = Hosts.gateway
    host.isClockSynchronised = .known(false)
    #expect(lines(host)[0] == "● no leak; sandboxes reach the Internet: 1 to see to")
    host.packet = .unknown("needs root")
    host.lookups = .unknown("needs root")
    host.parameters.forwarding = 0
    #expect(
      lines(host)[0] == "✗ leaks not tested; sandboxes cannot reach the Internet: 1 failed, 1 to see to")
  }

  @Test("names the cause and its remedy in the first five lines, before what follows from it")
  func cause() {
    var host = Hosts.gateway
    var status = Hosts.status(.blocked)
    status.reasons = [Finding(code: "zerotier-network-status", message: "ZeroTier says no", remedy: "see")]
    host.daemon = .known(.answers(status))
    host.tunnel = .known(TunnelReading(Hosts.facts(.status("ACCESS_DENIED"))))
    host.exits = .known([ExitReading(name: "cloud-a", roundTrip: nil, problem: "silent")])
    let lines = lines(host)
    #expect(
      Array(lines[..<3]) == [
        "✗ no leak; sandboxes cannot reach the Internet: 3 failed",
        "  ✗ zerotier-network: ZeroTier says ACCESS_DENIED for network a1b2c3d4e5f67890",
        "    → authorise this node in the network's controller",
      ])
    #expect(Diagnosis(host).cause?.id == "zerotier-network")
  }

  @Test("names what lets packets leak before the leak itself")
  func leak() {
    var host = Hosts.gateway
    host.rules = .known([Hosts.rule(100)] + (host.rules.value ?? []))
    host.lookups = .known([LookupReading(from: Hosts.egress, to: IPAddress("8.8.8.8")!, .link(Hosts.uplink))])
    let lines = lines(host)
    #expect(lines[0] == "✗ LEAK past the tunnel; sandboxes reach the Internet: 2 failed")
    #expect(lines[1].hasPrefix("  ✗ foreign-rules: another's rule is asked before the agent's"))
    #expect(Diagnosis(host).exitStatus == 1)
  }

  @Test("fits its width, also where others chose the words", arguments: [40, 80, 120])
  func width(_ width: Int) {
    var host = Hosts.gateway
    host.recipe = .known(["\u{1b}[31m" + String(repeating: "long ", count: 40)])
    host.parameters.forwarding = 0
    let text = DoctorPage.render(Diagnosis(host), width: width, style: .plain)
    #expect(text.split(separator: "\n").allSatisfy { terminalColumns($0) <= width })
    #expect(!text.unicodeScalars.contains("\u{1b}"))
  }

  @Test("without a usable configuration makes the checks that need none")
  func unconfigured() {
    var host = Hosts.gateway
    host.configuration = .none(path: Hosts.path, error: "no such file")
    let diagnosis = Diagnosis(host)
    #expect(diagnosis.cause?.id == "configuration" && diagnosis.role == nil && diagnosis.exitStatus == 1)
    #expect(diagnosis["clock"]?.outcome == .passed && diagnosis["exits"] == nil)
    #expect(diagnosis["system-rules"]?.outcome == .passed)
  }

  @Test("is one document for programs, with every check")
  func json() throws {
    var host = Hosts.gateway
    host.parameters.forwarding = 0
    let diagnosis = Diagnosis(host)
    let text = diagnosis.json(
      BuildIdentity(version: "0.1.0", commit: "4f2a9c1"), at: Timestamp(secondsSinceEpoch: 0)
    ).text
    let document = try JSONValue(parsing: text.utf8)
    #expect(
      document["cause"] == "forwarding" && document["traffic"] == "blocked" && document["leak"] == "none")
    #expect(document["counts"]?["failed"] == 1 && document["checkedAt"] == "1970-01-01T00:00:00Z")
    #expect(document["checks"]?.array?.count == diagnosis.checks.count)
    let failed = document["checks"]?.array?.first { $0["outcome"] == "failed" }
    #expect(failed?["id"] == "forwarding" && failed?["remedy"]?.string?.hasPrefix("sysctl -w") == true)
    #expect(document["checks"]?.array?.first?["remedy"] == .null)
  }
}

@Suite("systemd-networkd's settings")
struct NetworkdSettingsTests {
  @Test(
    "count from their section, the last one, in systemd's words",
    arguments: [
      ([], false, false), (["[Network]\nManageForeignRoutes=no"], false, true),
      (["[DHCP]\nManageForeignRoutes=no"], false, false),
      (
        ["[Network]\n ManageForeignRoutingPolicyRules = False\n", "[Network]\nManageForeignRoutes=0"], true,
        true
      ),
      (["[Network]\nManageForeignRoutes=no", "# c\n[Network]\nManageForeignRoutes=yes"], false, false),
      (["ManageForeignRoutes=no"], false, false),
    ])
  func settings(_ files: [String], _ rules: Bool, _ routes: Bool) {
    let settings = NetworkdSettings(files)
    #expect(settings.keepsRules == rules && settings.keepsRoutes == routes)
  }
}
