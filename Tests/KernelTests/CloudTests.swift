import Configuration
import Kernel
import Model
import Reconciliation
import Testing

@Suite("A cloud server's kernel state")
struct CloudConvergenceTests {
  private static let network = ZeroTierNetworkID(rawValue: 0x33ff_eb83_8b00_0001)

  private struct Fixture {
    let kernel: Kernel
    let tunnel: Tunnel
    let wan: WAN

    init() throws {
      try shell(
        """
        ip link set lo up
        ip link add zt0 type veth peer name far0; ip link set zt0 up; ip link set far0 up
        ip address add 10.147.17.2/24 dev zt0
        ip link add eth0 type veth peer name far1; ip link set eth0 up; ip link set far1 up
        ip address add 203.0.113.50/24 dev eth0; ip route add default via 203.0.113.1
        """)
      kernel = try Kernel()
      let state = try kernel.observe(Question([.links, .addresses, .mainDefaults]))
      let links = try #require(state.links).values
      tunnel = Tunnel(try #require(links.first { $0.name.text == "zt0" }))
      wan = WAN(
        name: try #require(InterfaceName("eth0")),
        addresses: try #require(state.addresses).filter { $0.address.description == "203.0.113.50" })
      #expect(state.mainDefaults?.count == 1)
    }

    func converge(_ settings: CloudSettings, _ policy: CloudPolicy) throws -> [String] {
      let desired = DesiredState(
        policy, settings, network: CloudConvergenceTests.network,
        CloudSurroundings(networks: [try CIDR(parsing: "10.147.17.0/24")]))
      let question = Question([.nftables, .sysctls, .rules, .routes], sysctls: desired.sysctls.map(\.key))
      let plan = Plan(
        from: try kernel.observe(question), to: desired, as: .holder(try kernel.tableOwnership()))
      for step in plan.steps { try kernel.apply(step.operation) }
      #expect(
        Plan(from: try kernel.observe(question), to: desired, as: .holder(try kernel.tableOwnership())).lines
        { _ in nil }
          == [])
      return plan.lines { _ in nil }
    }
  }

  private func settings(
    sources: [String] = ["10.147.17.0/24"], allow: [AllowedTraffic] = [], snat: SourceNAT = .masquerade,
    denied: [String] = ["10.0.0.0/8", "169.254.0.0/16"]
  ) throws -> CloudSettings {
    CloudSettings(
      sources: try sources.map { try CIDR(parsing: $0) }, wanInterface: .auto, snat: snat, allow: allow,
      denyDestinations: try denied.map { try CIDR(parsing: $0) }, clampMSS: .clamp)
  }

  @Test("every form of the ruleset is found again as it was written, and nft prints it")
  func forms() throws {
    try inNamespace {
      let cloud = try Fixture()
      let open = CloudPolicy.open(tunnel: cloud.tunnel, wan: cloud.wan)
      let ports = AllowedTraffic(protocol: .tcp, ports: [80...80, 443...443, 8000...8100])
      _ = try cloud.converge(try settings(), open)
      _ = try cloud.converge(try settings(allow: [ports, .init(protocol: .udp, ports: [])]), open)
      _ = try cloud.converge(try settings(allow: [.init(protocol: .icmp, ports: [])]), open)
      _ = try cloud.converge(try settings(snat: .fixed(IPAddress("203.0.113.50")!)), open)
      _ = try cloud.converge(try settings(), .closed(tunnel: cloud.tunnel, wan: cloud.wan))
      _ = try cloud.converge(try settings(), .closed(tunnel: nil, wan: nil))
      _ = try cloud.converge(try settings(allow: [ports]), open)
      let text = try shell("nft list ruleset")
      for expected in [
        "tcp dport @allowed_tcp", "elements = { 80, 443, 8000-8100 }", "tcp option maxseg size set rt mtu",
        "ct state established,related", "oifname \"eth0\" ip saddr @sources masquerade",
        "tcp flags syn / syn,rst", "ip saddr != 10.147.17.0/24",
      ] { #expect(text.contains(expected), "\(expected) in \(text)") }
      #expect(!text.contains("unknown"))
    }
  }

  @Test("a change of one element of a large set writes that element alone")
  func deltas() throws {
    try inNamespace {
      let cloud = try Fixture()
      let open = CloudPolicy.open(tunnel: cloud.tunnel, wan: cloud.wan)
      let many = (0..<2000).map { "11.\($0 / 250).\($0 % 250).0/25" }
      _ = try cloud.converge(try settings(denied: many), open)
      let lines = try cloud.converge(try settings(denied: Array(many.dropLast()) + ["12.0.0.0/8"]), open)
      #expect(
        lines == [
          "nft 'delete element inet liteboxd denied_destinations { 11.7.249.0/25 }'",
          "nft 'add element inet liteboxd denied_destinations { 12.0.0.0/8 }'",
        ])
      // An interval that grows and shrinks in place.
      _ = try cloud.converge(try settings(denied: ["11.0.0.0/8"]), open)
      _ = try cloud.converge(try settings(denied: ["11.0.0.0/9", "0.0.0.0/8", "255.255.255.255/32"]), open)
      _ = try cloud.converge(try settings(denied: ["11.0.0.0/8", "224.0.0.0/3"]), open)
    }
  }

  @Test(
    "whatever is changed in the table is put back",
    arguments: [
      "nft delete table inet liteboxd", "nft flush table inet liteboxd",
      "nft flush chain inet liteboxd forward",
      "nft add rule inet liteboxd forward accept", "nft insert rule inet liteboxd forward accept",
      "nft add element inet liteboxd sources { 9.9.9.0/24 }",
      "nft delete element inet liteboxd sources { 10.147.17.0/24 }",
      "nft add chain inet liteboxd more '{ type filter hook output priority 0; policy drop; }'",
      "nft 'flush chain inet liteboxd to_zerotier; delete chain inet liteboxd answered'",
      "nft add set inet liteboxd other '{ type ipv4_addr; }'", "nft add quota inet liteboxd q 10 mbytes",
      "nft chain inet liteboxd forward '{ policy drop; }'", "nft add counter inet liteboxd c",
      "nft insert rule inet liteboxd forward tcp dport '{ 80, 443 }' accept",
      "nft 'add table inet liteboxd { flags dormant; }'",
    ])
  func drift(_ change: String) throws {
    try inNamespace {
      let cloud = try Fixture()
      let open = CloudPolicy.open(tunnel: cloud.tunnel, wan: cloud.wan)
      _ = try cloud.converge(try settings(), open)
      let before = try shell("nft list ruleset")
      // An owned table refuses others; made anew as a shared one, as on an older kernel, it can be damaged.
      if try cloud.kernel.tableOwnership() == .exclusive {
        #expect(throws: NamespaceError.self) { try shell(change) }
      }
      try shared(cloud, try settings(), open)
      try shell(change)
      try shared(cloud, try settings(), open)
      #expect(try shell("nft list ruleset").filter { !$0.isWhitespace }.count > before.count / 3)
    }
  }

  private func shared(_ cloud: Fixture, _ settings: CloudSettings, _ policy: CloudPolicy) throws {
    let desired = DesiredState(policy, settings, network: Self.network, CloudSurroundings(networks: []))
    for round in 0..<2 {
      var observed = try cloud.kernel.observe(Question([.nftables]))
      if round == 0, case .present(let table)? = observed.nftables, table.ownership == .ours {
        try cloud.kernel.apply(.nftables(NftablesTransaction([.deleteTable])))
        observed = try cloud.kernel.observe(Question([.nftables]))
      }
      let plan = Plan(from: observed, to: desired, as: .holder(.shared))
      if round == 1 { #expect(plan.lines { _ in nil } == []) }
      for step in plan.steps { try cloud.kernel.apply(step.operation) }
    }
  }
}
