import Configuration
import Kernel
import Model
import Reconciliation
import Testing

/// A gateway in a namespace: a tunnel link, an uplink, and what the agent wants there.
struct GatewayFixture {
  let kernel: Kernel
  let settings: GatewaySettings
  let network = ZeroTierNetworkID(rawValue: 0x33ff_eb83_8b00_0001)

  init() throws {
    try shell(
      """
      # No IPv6 addresses that come by themselves a second later.
      echo 1 > /proc/sys/net/ipv6/conf/default/addr_gen_mode
      ip link set lo up
      ip link add zt0 type veth peer name far0
      ip link set zt0 up; ip link set far0 up; ip address add 10.147.17.1/24 dev zt0
      ip link add up0 type veth peer name far1
      ip link set up0 up; ip link set far1 up; ip address add 198.51.100.10/24 dev up0
      ip route add default via 198.51.100.1
      ip link add pod0 type veth peer name far2
      ip link set pod0 up; ip link set far2 up; ip address add 10.244.1.1/24 dev pod0
      echo 1 > /proc/sys/net/ipv4/conf/pod0/accept_local; echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
      echo 0 > /proc/sys/net/ipv4/conf/pod0/rp_filter; echo 1 > /proc/sys/net/ipv4/ip_forward
      """)
    kernel = try Kernel()
    settings = GatewaySettings(
      egressIP: IPAddress("10.147.17.1")!,
      exits: [Exit(name: "cloud-a", address: IPAddress("10.147.17.2")!)],
      excludedCIDRs: try ["10.0.0.0/8", "192.168.0.0/16"].map { try CIDR(parsing: $0) },
      routingTable: RoutingTableID(rawValue: 100), rulePriority: RulePriority(rawValue: 150),
      whenDown: .blackhole, probe: ProbeSettings())
  }

  func tunnel() throws -> Tunnel {
    let links = try kernel.observe(Question(.links)).links ?? [:]
    return Tunnel(try #require(links.values.first { $0.name.text == "zt0" }))
  }

  func desired() throws -> DesiredState {
    DesiredState(.open([settings.exits[0]], tunnel: try tunnel()), settings, network: network)
  }

  /// As `desired`, on a link that has the addresses that ZeroTier makes for this network, and a host with IPv6.
  func desiredWithIPv6() throws -> DesiredState {
    try shell(
      """
      ip address add fd33:ffeb:838b:0:199:93a5:23cc:24a1/88 dev zt0 nodad
      ip address add fcb8:ffeb:8299:93a5:23cc::1/40 dev zt0 nodad
      ip address add 2001:db8::10/64 dev up0 nodad; ip -6 route add default via 2001:db8::1
      """)
    return DesiredState(
      .open([settings.exits[0]], tunnel: try tunnel()), settings, network: network,
      onLink: network.ipv6Prefixes)
  }

  func question(_ desired: DesiredState, _ domains: Domains = .all) -> Question {
    Question(domains, tables: Set(desired.tables.keys), sysctls: desired.sysctls.map(\.key))
  }

  func plan(to desired: DesiredState) throws -> Plan {
    Plan(from: try kernel.observe(question(desired)), to: desired, as: .holder(try kernel.tableOwnership()))
  }

  /// Applies until nothing is left to do; more than two passes would be a loop.
  func converge(to desired: DesiredState) throws {
    for step in try plan(to: desired).steps { try kernel.apply(step.operation) }
    #expect(try plan(to: desired).lines { _ in nil } == [])
  }

  /// The lookup that Cilium's BPF does on the gateway: `dev zt0`, or why there is none.
  func route(to destination: String) throws -> String {
    do {
      return try shell("ip route get \(destination) from 10.147.17.1 iif pod0")
    } catch let error as NamespaceError {
      return error.text
    }
  }
}

@Suite("A gateway's kernel state")
struct GatewayConvergenceTests {
  @Test("what was applied is found again, and nothing is left to do")
  func converges() throws {
    try inNamespace {
      let gateway = try GatewayFixture()
      try gateway.converge(to: try gateway.desired())
      #expect(try gateway.route(to: "8.8.8.8").contains("via 10.147.17.2 dev zt0"))
      #expect(try gateway.route(to: "192.168.9.9").contains("dev up0"))
    }
  }

  @Test(
    "no single removal opens the way to the uplink",
    arguments: [
      "ip rule del priority 150", "ip rule del priority 151", "ip rule del priority 152",
      "ip route flush table 100", "ip route flush table 101",
      "ip link set zt0 down", "ip link del zt0", "ip address del 10.147.17.1/24 dev zt0",
      "ip link set zt0 down; ip route del blackhole default table 100",
    ])
  func singleRemovals(_ fault: String) throws {
    try inNamespace {
      let gateway = try GatewayFixture()
      #expect(try gateway.route(to: "8.8.8.8").contains("dev up0"), "the control: unprotected, it leaks")
      try gateway.converge(to: try gateway.desired())
      try shell(fault)
      #expect(try !gateway.route(to: "8.8.8.8").contains("dev up0"))
      #expect(try !gateway.route(to: "10.147.17.2").contains("dev up0"), "nor to the exit itself")
      #expect(try gateway.route(to: "192.168.9.9").contains("dev up0"), "excluded destinations go on")
    }
  }

  @Test(
    "no single removal opens the uplink to this network's IPv6",
    arguments: [
      "ip -6 rule del priority 150 from fd33:ffeb:838b:0:199:9300::/88",
      "ip -6 rule del priority 151 from fd33:ffeb:838b:0:199:9300::/88",
      "ip -6 rule del priority 152 from fd33:ffeb:838b:0:199:9300::/88",
      "ip -6 route flush table 100", "ip link set zt0 down", "ip link del zt0",
      "ip -6 address flush dev zt0 scope global",
    ])
  func singleRemovalsIPv6(_ fault: String) throws {
    try inNamespace {
      let gateway = try GatewayFixture()
      let desired = try gateway.desiredWithIPv6()
      let (own, plane) = ("fd33:ffeb:838b:0:199:93a5:23cc:24a1", "fcb8:ffeb:8299:93a5:23cc::1")
      func way(_ destination: String, from source: String) -> String {
        (try? shell("ip route get \(destination) from \(source) iif pod0")) ?? "no way"
      }
      try shell("echo 1 > /proc/sys/net/ipv6/conf/all/forwarding")
      for source in [own, plane] {
        #expect(
          way("2001:db8:80::80", from: source).contains("dev up0"), "the control: unprotected, it leaks")
      }
      try gateway.converge(to: desired)
      #expect(
        way("fd33:ffeb:838b:0:199:93ff::1", from: own).contains("dev zt0"), "its own network it reaches")
      try shell(fault)
      for source in [own, plane] {
        for destination in ["2001:db8:80::80", "2001:db8::77", "fd33:ffeb:838b:0:199:93ff::1"] {
          #expect(!way(destination, from: source).contains("dev up0"), "\(source) to \(destination)")
        }
      }
      #expect(way("2001:db8:80::80", from: "2001:db8:99::1").contains("dev up0"), "others' IPv6 goes on")
    }
  }

  @Test("a foreign route by a next hop's number is removed from an owned table")
  func nextHopObject() throws {
    try inNamespace {
      let gateway = try GatewayFixture()
      try gateway.converge(to: try gateway.desired())
      try shell(
        """
        ip nexthop add id 7 via 198.51.100.1 dev up0
        ip route add 8.8.8.8/32 nhid 7 table 100; ip route add 8.0.0.0/7 nhid 7 table 101
        """)
      #expect(try gateway.route(to: "8.8.8.8").contains("dev up0"), "the control")
      try gateway.converge(to: try gateway.desired())
      #expect(try gateway.route(to: "8.8.8.8").contains("dev zt0"))
    }
  }

  @Test("teardown leaves the host as it was")
  func teardown() throws {
    try inNamespace {
      let gateway = try GatewayFixture()
      let state = "ip rule; ip -6 rule; ip route show table all; ip -6 route show table all; nft list ruleset"
      try shell(
        "nft add table inet other; ip rule add priority 7 fwmark 3 lookup main; ip route add 1.2.3.4 dev up0 table 77"
      )
      let before = try shell(state)
      for _ in 0..<3 {
        try gateway.converge(to: try gateway.desired())
        try gateway.converge(to: .nothing)
      }
      #expect(try shell(state) == before)
    }
  }
}
