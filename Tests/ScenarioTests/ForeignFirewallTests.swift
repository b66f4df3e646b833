import JSON
import Lab
import Testing

/// What firewall managers leave in nftables, as far as forwarded packets meet it.
enum Firewall: String, CaseIterable, Sendable {
  /// Docker's, through iptables-nft.
  case docker
  case firewalld

  var ruleset: String {
    switch self {
    case .docker:
      """
      table ip filter {
        chain DOCKER-USER { counter return; }
        chain FORWARD {
          type filter hook forward priority 0; policy drop;
          counter jump DOCKER-USER
          oifname "docker0" ct state established,related counter accept
          iifname "docker0" oifname != "docker0" counter accept
        }
      }
      """
    case .firewalld:
      """
      table inet firewalld {
        chain filter_FORWARD {
          type filter hook forward priority 10; policy accept;
          ct state { established, related } accept
          iifname "lo" accept
          jump filter_FORWARD_POLICIES
          counter reject with icmpx admin-prohibited
        }
        chain filter_FORWARD_POLICIES { iifname "docker0" accept; }
      }
      """
    }
  }

  /// What makes the tunnel pass, as the manager's own command would.
  func permission(for device: String) -> String {
    switch self {
    case .docker:
      """
      insert rule ip filter DOCKER-USER iifname "\(device)" accept
      insert rule ip filter DOCKER-USER oifname "\(device)" accept
      """
    case .firewalld:
      """
      add rule inet firewalld filter_FORWARD_POLICIES iifname "zt*" accept
      add rule inet firewalld filter_FORWARD_POLICIES oifname "zt*" accept
      """
    }
  }

  var chain: String {
    switch self {
    case .docker: "chain FORWARD of nftables table ip filter has policy drop"
    case .firewalld: "chain filter_FORWARD of nftables table inet firewalld drops all that comes to its end"
    }
  }
}

@Suite("S17: a firewall of somebody else's drops what is forwarded", .serialized)
struct ForeignFirewallTests {
  private func drops(_ findings: JSONValue?) -> [JSONValue] {
    (findings?.array ?? []).filter { $0["code"] == "foreign-forward-drop" }
  }

  @Test(
    "a cloud server names the chain and leaves it alone; once it lets the tunnel pass, all is well",
    arguments: Firewall.allCases)
  func cloud(_ firewall: Firewall) throws {
    let stage = try Stage()
    let cloud = try stage.lab.namespace(.cloudA)
    let device = try stage.lab.zeroTier(.cloudA).device
    #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
    try cloud.nft(ruleset: firewall.ruleset)
    let before = try cloud.nft(
      "-s", "list", "table", firewall == .docker ? "ip" : "inet", firewall == .docker ? "filter" : "firewalld"
    )
    let status = try stage.cloud.waitForStatus("the chain", within: .seconds(10)) {
      $0["phase"] == "degraded" && !drops($0["reasons"]).isEmpty
    }
    let finding = try #require(drops(status["reasons"]).first)
    #expect(finding["message"]?.string?.hasPrefix(firewall.chain) == true, "\(finding)")
    #expect(finding["remedy"]?.string?.contains(device) == true)
    // It is no false alarm.
    #expect(throws: LabError.self) { try stage.lab.fetch(from: .pod, within: .seconds(1)).get() }
    let after = try cloud.nft(
      "-s", "list", "table", firewall == .docker ? "ip" : "inet", firewall == .docker ? "filter" : "firewalld"
    )
    #expect(after == before)
    try cloud.nft(ruleset: firewall.permission(for: device))
    try stage.cloud.waitFor(phase: "ready", within: .seconds(10))
    #expect(try stage.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
  }

  @Test("a gateway warns of it: what Cilium redirects does not meet it")
  func gateway() throws {
    let stage = try Stage()
    try stage.lab.namespace(.gateway).nft(ruleset: Firewall.docker.ruleset)
    let status = try stage.gateway.waitForStatus("the warning", within: .seconds(10)) {
      !drops($0["warnings"]).isEmpty
    }
    #expect(status["phase"] == "ready" && drops(status["reasons"]).isEmpty)
  }
}
