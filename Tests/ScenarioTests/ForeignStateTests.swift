import Glibc
import JSON
import Lab
import Testing

@Suite("S18: what belongs to others stays as it is", .serialized)
struct ForeignStateTests {
  private static let nftables = """
    table ip nat { chain POSTROUTING { type nat hook postrouting priority 100; ip saddr 172.30.0.0/16 masquerade; }; }
    table inet other {
      set s { type ipv4_addr; flags interval; elements = { 1.2.3.4, 5.0.0.0/8 }; }
      counter hits { packets 7 bytes 700 }
      chain c { counter packets 3 bytes 180 comment "no hook, so it counts nothing"; }
      chain FORWARD { type filter hook forward priority 10; policy accept; ip daddr @s counter name hits; }
    }
    table ip6 other { chain output { type filter hook output priority 5; policy accept; }; }
    table inet liteboxd_not { chain egress_guard { drop; }; }
    """

  private func furnish(_ namespace: NetworkNamespace, link: String) throws {
    try namespace.ip("rule add priority 4000 fwmark 0x200/0xf00 lookup 2004")
    try namespace.ip("rule add priority 151 from 172.30.0.9 lookup main")
    try namespace.ip("-6 rule add priority 151 from fd77::/64 lookup 77")
    try namespace.ip("route add 192.0.2.0/24 dev \(link) table 2004 proto static metric 7")
    try namespace.ip("route add 198.18.0.0/15 dev \(link) metric 50")
    try namespace.ip("route add blackhole 198.51.100.77 table 102")
    try namespace.ip("-6 route add 2001:db8:77::/48 dev \(link) table 77 metric 3")
    try namespace.nft(ruleset: Self.nftables)
  }

  /// Undoes something of the agent's again and again, until it has made that many passes.
  private func forcePasses(_ count: Int64, _ agent: AgentProcess, in namespace: NetworkNamespace) throws {
    var changes = ["sysctl -qw net.ipv4.ip_forward=0"]
    if agent.node == .gateway {
      changes += [
        "ip rule del priority 150", "ip route flush table 101", "ip route del throw 10.0.0.0/8 table 100",
        "ip route add 9.9.9.0/24 dev uplink0 table 100",
      ]
    }
    let passed = try eventually(within: .seconds(20), step: .milliseconds(1)) { () -> Bool? in
      for change in repeatElement(changes, count: 5).joined() {
        // What was not repaired yet cannot be undone again; that does not matter here.
        _ = try namespace.execute(change.split(separator: " ").map(String.init)).run()
      }
      agent.signal(SIGHUP)
      let total = try agent.status()?["reconcile"]?["total"]?.integer ?? 0
      return total >= count ? true : nil
    }
    #expect(passed == true, "\(agent.log)")
  }

  @Test("byte for byte, after hundreds of passes and a teardown", arguments: [Node.gateway, .cloudA])
  func untouched(_ node: Node) throws {
    let lab = try Lab()
    defer { lab.close() }
    let namespace = try lab.namespace(node)
    try furnish(namespace, link: node == .gateway ? "uplink0" : "eth0")
    let before = try namespace.hostListing()
    let agent = try lab.startAgent(on: node)
    try agent.waitForStatus("a verified pass", within: .seconds(5)) { $0["kernel"]?["inSync"] == true }
    try forcePasses(300, agent, in: namespace)
    try agent.waitForStatus("a verified pass", within: .seconds(5)) { $0["kernel"]?["inSync"] == true }
    let atWork = Set(try namespace.hostListing().split(separator: "\n"))
    let gone = before.split(separator: "\n").filter { !atWork.contains($0) && !$0.hasPrefix("net.ipv4.") }
    #expect(gone.isEmpty)
    #expect(try agent.terminateAndWait() == .exited(0))
    let torn = try agent.run(["teardown", "--yes"])
    #expect(torn.status == .exited(0), "\(torn.stderr)")
    let after = try namespace.hostListing()
    #expect(after == before, "\(difference(after, before))")
  }
}
