import Configuration
import Model
import Reconciliation
import Testing

@Suite("A cloud server's ruleset")
struct CloudRulesetTests {
  private let network = ZeroTierNetworkID(rawValue: 0x33ff_eb83_8b00_0001)

  private func wan(_ address: String) throws -> WAN {
    WAN(
      name: try #require(InterfaceName("eth0")),
      addresses: [
        InterfaceAddress(
          interface: InterfaceIndex(rawValue: 2), address: try #require(IPAddress(address)), prefixLength: 24)
      ])
  }

  private func table(
    _ policy: CloudPolicy, sources: String, networks: [String], neighbours: [InterfaceName] = []
  ) throws -> NftablesTable {
    let settings = CloudSettings(sources: [try CIDR(parsing: sources)])
    let desired = DesiredState(
      policy, settings, network: network,
      CloudSurroundings(networks: try networks.map { try CIDR(parsing: $0) }, neighbours: neighbours))
    return try #require(desired.nftables)
  }

  private func guardLines(_ table: NftablesTable) throws -> [String] {
    try #require(table.chains.first { $0.name == "wan_guard" }).rules.map(\.description)
  }

  @Test("guards the whole ZeroTier network, not only the sources in it")
  func wholeNetwork() throws {
    let table = try table(
      .closed(tunnel: nil, wan: try wan("203.0.113.5")), sources: "10.147.17.1/32",
      networks: ["10.147.17.0/24"])
    let set = try #require(table.sets.first { $0.name == "zerotier" })
    #expect(set == NftablesSet("zerotier", .ipv4, networks: [try CIDR(parsing: "10.147.17.0/24")]))
  }

  @Test("guards the sources even where the WAN is in the ZeroTier network's range")
  func overlap() throws {
    let table = try table(
      .closed(tunnel: nil, wan: try wan("10.147.200.5")), sources: "10.147.17.1/32",
      networks: ["10.147.0.0/16"])
    let set = try #require(table.sets.first { $0.name == "zerotier" })
    #expect(set == NftablesSet("zerotier", .ipv4, networks: [try CIDR(parsing: "10.147.17.1/32")]))
  }

  @Test("guards every link but ZeroTier's, whether the WAN is known or not, and none that is in its range")
  func everyLink() throws {
    let any =
      "ip saddr 10.147.17.0/24 oifname != \"lo\" oifname != \"zt*\" counter name \"wan_dropped\" drop"
    let neighbour = try #require(InterfaceName("lan0"))
    for wan in [nil, try wan("203.0.113.5")] {
      let lines = try guardLines(
        try table(
          .closed(tunnel: nil, wan: wan), sources: "10.147.17.0/24", networks: [], neighbours: [neighbour]))
      #expect(lines.contains { $0.hasPrefix(any) }, "\(lines)")
      let accept = lines.firstIndex { $0.hasPrefix("oifname \"lan0\" accept") }
      let guarded = lines.firstIndex { $0.hasPrefix(any) }
      // Where the way out is not known, no link is let off.
      #expect(wan == nil ? accept == nil : accept ?? .max < guarded ?? 0, "\(lines)")
    }
  }

  @Test("a WAN that is named like a link of ZeroTier's is guarded too")
  func namedLikeZeroTier() throws {
    let wan = WAN(name: try #require(InterfaceName("zt9")), addresses: [])
    let lines = try guardLines(
      try table(.closed(tunnel: nil, wan: wan), sources: "10.147.17.0/24", networks: []))
    #expect(lines.allSatisfy { $0.contains(" oifname != \"lo\" counter") }, "\(lines)")
  }

  @Test("notes who is let out before the accept, in a rule that may fail, and no stranger")
  func gateways() throws {
    let link = Link(
      index: InterfaceIndex(rawValue: 7), name: try #require(InterfaceName("zt0")), isUp: true, mtu: 2800)
    let open = CloudPolicy.open(tunnel: Tunnel(link), wan: try wan("203.0.113.5"))
    let table = try table(open, sources: "10.147.17.0/24", networks: [])
    func lines(_ chain: String) throws -> [String] {
      try #require(table.chains.first { $0.name == chain }).rules.map(\.description)
    }
    let clamp =
      "tcp flags syn / syn,rst tcp option maxseg size set rt mtu comment \"segments that fit the path\""
    #expect(
      try lines("leaving") == [
        clamp, "update @gateways_out { ip saddr counter } comment \"who sends\"",
        "counter name \"forwarded_out\" accept comment \"out to the Internet\"",
      ])
    let out = try lines("from_zerotier")
    #expect(out.first?.hasPrefix("ip saddr != 10.147.17.0/24 counter") == true)
    #expect(out.firstIndex { $0.contains("jump leaving") } == 2)
    #expect(
      try lines("to_zerotier").first
        == "iifname \"eth0\" ct state established,related jump answered comment \"answers from the Internet\""
    )
    #expect(
      try lines("answered") == [
        clamp,
        "ip daddr 10.147.17.0/24 update @gateways_in { ip daddr counter } comment \"who is answered\"",
        "counter name \"forwarded_in\" accept comment \"answers from the Internet\"",
      ])
    let plan = planned(from: .absent, to: table)
    for name in ["gateways_out", "gateways_in"] {
      let line =
        "nft 'add set inet liteboxd \(name) { type ipv4_addr; size 4096; flags dynamic,timeout; timeout 1h; }'"
      #expect(plan.contains(line))
    }
  }

  @Test("looks several networks up in a set, and compares with the only one")
  func severalNetworks() throws {
    let link = Link(
      index: InterfaceIndex(rawValue: 7), name: try #require(InterfaceName("zt0")), isUp: true, mtu: 2800)
    let open = CloudPolicy.open(tunnel: Tunnel(link), wan: try wan("203.0.113.5"))
    func first(_ networks: [String]) throws -> String? {
      let table = try table(open, sources: "10.147.17.0/24", networks: networks)
      return try guardLines(table).last
    }
    let end =
      " oifname != \"lo\" oifname != \"zt0\" counter name \"wan_dropped\" drop comment \"ZeroTier destination leaving\""
    #expect(try first(["10.147.0.0/16"]) == "ip daddr 10.147.0.0/16" + end)
    #expect(try first(["10.148.0.0/16"]) == "ip daddr @zerotier" + end)
  }

  private func planned(from found: ObservedNftables, to table: NftablesTable) -> [String] {
    var observed = ObservedState()
    observed.nftables = found
    return Plan(from: observed, to: DesiredState(nftables: table), as: .holder(.exclusive)).lines { _ in nil }
  }

  @Test("a set that is no longer wanted goes behind the rules that used it, and the table stays")
  func surplusSet() throws {
    let closed = CloudPolicy.closed(tunnel: nil, wan: try wan("203.0.113.5"))
    let wanted = try table(closed, sources: "10.147.17.0/24", networks: [])
    var found = ObservedNftablesTable(ownership: .ours, comment: wanted.comment)
    for set in wanted.sets { found.sets[set.name] = ObservedSet(set) }
    for set in wanted.dynamicSets { found.sets[set.name] = ObservedSet(set) }
    for name in wanted.counters { found.counters[name] = (0, 0) }
    found.sets["allowed_tcp"] = ObservedSet(NftablesSet("allowed_tcp", .port, ranges: [443...443]))
    found.chains = [ObservedChain("leaving", hook: nil)]
    let lines = planned(from: .present(found), to: wanted)
    #expect(!lines.contains("nft 'delete table inet liteboxd'"))
    #expect(
      lines.suffix(2) == [
        "nft 'delete chain inet liteboxd leaving'", "nft 'delete set inet liteboxd allowed_tcp'",
      ])
  }

  @Test("a table that outlived its owner is claimed first, and in a commit of its own")
  func orphan() throws {
    let closed = CloudPolicy.closed(tunnel: nil, wan: try wan("203.0.113.5"))
    let wanted = try table(closed, sources: "10.147.17.0/24", networks: [])
    var observed = ObservedState()
    observed.nftables = .present(ObservedNftablesTable(ownership: .orphan, comment: wanted.comment))
    let plan = Plan(from: observed, to: DesiredState(nftables: wanted), as: .holder(.exclusive))
    let commits = plan.steps.compactMap { step in
      if case .nftables(let transaction) = step.operation { transaction.lines } else { nil }
    }
    let comment = "comment \"\(wanted.comment)\""
    #expect(commits.first == ["add table inet liteboxd { flags owner, persist; \(comment); }"])
    #expect(commits.count == 2 && commits[1].allSatisfy { !$0.hasPrefix("add table") })
  }

  @Test("a link that leads to the Internet is never taken for the tunnel")
  func wanIsNoTunnel() throws {
    let link = Link(
      index: InterfaceIndex(rawValue: 2), name: try #require(InterfaceName("eth0")), isUp: true, mtu: 1500)
    let facts = GateFacts(
      network: network, word: .ok, apiProblem: nil, interface: .present(link, addresses: []))
    let settings = CloudSettings(sources: [try CIDR(parsing: "10.147.17.0/24")])
    let (policy, reasons) = CloudPolicy.decide(facts, settings, wan: try wan("203.0.113.5"), wanted: nil)
    #expect(policy == .closed(tunnel: nil, wan: try wan("203.0.113.5")))
    #expect(reasons == [.interfaceIsWAN(link.name)])
  }
}
