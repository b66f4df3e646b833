import Configuration
import Kernel
import Model
import Reconciliation
import Testing

/// A cloud server between a gateway and the Internet, each in a namespace of its own.
private final class Road {
  let kernel: Kernel
  private let tunnel: Tunnel
  private let wan: WAN
  private var holders: [Int] = []

  init() throws {
    try shell(
      """
      ip link set lo up
      ip link add zt0 type veth peer name far0; ip link set zt0 up; ip address add 10.147.17.2/24 dev zt0
      ip link add eth0 type veth peer name far1; ip link set eth0 up; ip address add 203.0.113.50/24 dev eth0
      ip route add default via 203.0.113.1
      """)
    kernel = try Kernel()
    let state = try kernel.observe(Question([.links, .addresses]))
    let links = try #require(state.links).values
    tunnel = Tunnel(try #require(links.first { $0.name.text == "zt0" }))
    wan = WAN(
      name: try #require(InterfaceName("eth0")),
      addresses: try #require(state.addresses).filter { $0.address.description == "203.0.113.50" })
    let gateway = try namespace(
      taking: "far0",
      "for n in 1 3 4; do ip address add 10.147.17.$n/24 dev far0; done; ip link set far0 up",
      "ip route add default via 10.147.17.2")
    try namespace(taking: "far1", "ip address add 203.0.113.1/24 dev far1; ip link set far1 up")
    self.gateway = gateway
  }

  private var gateway = 0

  deinit {
    for holder in holders { _ = try? shell("kill -KILL \(holder)") }
  }

  /// A process that holds a namespace, to which the link is moved.
  @discardableResult
  private func namespace(taking link: String, _ commands: String...) throws -> Int {
    // It outlives its shell, so it must not keep the other ends of other tests' pipes open.
    let script = "for f in /proc/$$/fd/*; do n=${f##*/}; [ $n -le 2 ] || eval \"exec $n>&-\"; done"
    let started = try shell("bash -c '\(script); exec unshare -n sleep 60' >/dev/null 2>&1 & echo $!")
    let holder = try #require(Int(started.filter { !$0.isWhitespace }))
    holders.append(holder)
    try shell(
      """
      own=$(readlink /proc/thread-self/ns/net)
      until [ "$(readlink /proc/\(holder)/ns/net)" != "$own" ]; do :; done
      ip link set \(link) netns \(holder)
      nsenter -t \(holder) -n sh -ec 'ip link set lo up; \(commands.joined(separator: "; "))'
      """)
    return holder
  }

  /// Asks a host of the Internet once, from that address of the gateway's side, and wants the answer.
  func ping(from source: String) throws {
    try shell("nsenter -t \(gateway) -n ping -q -c 1 -W 5 -I \(source) 203.0.113.1")
  }

  func desired(
    sources: String = "10.147.17.0/24", allow: [AllowedTraffic] = [], isOpen: Bool = true,
    limitedTo size: UInt32? = nil
  ) throws -> DesiredState {
    let settings = CloudSettings(sources: [try CIDR(parsing: sources)], allow: allow, denyDestinations: [])
    let policy: CloudPolicy = isOpen ? .open(tunnel: tunnel, wan: wan) : .closed(tunnel: tunnel, wan: wan)
    var state = DesiredState(
      policy, settings, network: ZeroTierNetworkID(rawValue: 0x33ff_eb83_8b00_0001),
      CloudSurroundings(networks: [try CIDR(parsing: "10.147.17.0/24")]))
    if let size {
      state.nftables?.dynamicSets = GatewaySet.all.map {
        NftablesDynamicSet($0.name, size: size, timeoutMilliseconds: $0.timeoutMilliseconds)
      }
    }
    return state
  }

  @discardableResult
  func converge(_ desired: DesiredState, as ownership: NftablesOwnership = .shared) throws -> [String] {
    let question = Question([.nftables, .sysctls], sysctls: desired.sysctls.map(\.key))
    let plan = Plan(from: try kernel.observe(question), to: desired, as: .holder(ownership))
    for step in plan.steps { try kernel.apply(step.operation) }
    let rest = Plan(from: try kernel.observe(question), to: desired, as: .holder(ownership))
    #expect(rest.lines { _ in nil } == [])
    return plan.lines { _ in nil }
  }

  func elements(_ set: NftablesDynamicSet) throws -> [String: (packets: UInt64, bytes: UInt64)] {
    let elements = try kernel.elements(of: set)
    #expect(elements.allSatisfy { $0.idle < .seconds(30) })
    return Dictionary(uniqueKeysWithValues: elements.map { ($0.address.description, ($0.packets, $0.bytes)) })
  }

  func packets(_ set: NftablesDynamicSet) throws -> [String: UInt64] {
    try elements(set).mapValues(\.packets)
  }
}

@Suite("The sets in which the kernel notes the gateways")
struct GatewaySetTests {
  @Test("hold who was let out and who was answered, with packets and octets, and nobody else")
  func counting() throws {
    try inNamespace {
      let road = try Road()
      try road.converge(try road.desired(sources: "10.147.17.0/30"))
      try road.ping(from: "10.147.17.1")
      try road.ping(from: "10.147.17.1")
      try road.ping(from: "10.147.17.3")
      #expect(throws: NamespaceError.self) { try road.ping(from: "10.147.17.4") }
      // IPv4 header 20, ICMP 8 and 56 octets of ping's own.
      for set in GatewaySet.all {
        let found = try road.elements(set)
        #expect(found.count == 2, "\(set.name): \(found)")
        #expect(found["10.147.17.1"]?.packets == 2 && found["10.147.17.1"]?.bytes == 168)
        #expect(found["10.147.17.3"]?.packets == 1 && found["10.147.17.3"]?.bytes == 84)
      }
    }
  }

  @Test("keep nobody from passing when they are full")
  func full() throws {
    try inNamespace {
      let road = try Road()
      try road.converge(try road.desired(limitedTo: 1))
      for source in ["10.147.17.1", "10.147.17.3", "10.147.17.4", "10.147.17.1"] {
        try road.ping(from: source)
      }
      #expect(try road.packets(GatewaySet.out) == ["10.147.17.1": 2])
      #expect(try road.packets(GatewaySet.in) == ["10.147.17.1": 2])
      #expect(try road.kernel.counters()["forwarded_out"]?.packets == 4)
      #expect(try road.kernel.counters()["forwarded_in"]?.packets == 4)
    }
  }

  @Test("keep what they hold through closing, other limits and repairs")
  func lasting() throws {
    try inNamespace {
      let road = try Road()
      try road.converge(try road.desired())
      try road.ping(from: "10.147.17.1")
      let seen: [String: UInt64] = ["10.147.17.1": 1]
      #expect(try road.packets(GatewaySet.out) == seen)
      let web = AllowedTraffic(protocol: .tcp, ports: [443...443])
      for desired in [
        try road.desired(isOpen: false), try road.desired(allow: [web]),
        try road.desired(sources: "10.147.17.1/32"),
      ] {
        try road.converge(desired)
        #expect(try road.packets(GatewaySet.out) == seen && road.packets(GatewaySet.in) == seen)
      }
      for change in [
        "flush chain inet liteboxd leaving", "insert rule inet liteboxd leaving accept",
        "add rule inet liteboxd to_zerotier update @gateways_in '{ ip saddr counter }'",
        "add element inet liteboxd sources { 9.9.9.0/24 }",
        "insert rule inet liteboxd leaving update @gateways_out '{ ip saddr timeout 1m counter }'",
        "insert rule inet liteboxd leaving add @gateways_out '{ ip saddr counter }'",
        "insert rule inet liteboxd leaving update @gateways_out '{ ip saddr limit rate 1/second }'",
      ] {
        try shell("nft \(change)")
        #expect(try road.converge(try road.desired(sources: "10.147.17.1/32")) != [], "\(change)")
        #expect(try road.packets(GatewaySet.out) == seen && road.packets(GatewaySet.in) == seen, "\(change)")
      }
      // What a set holds is nobody's business, and another definition is.
      try shell("nft add element inet liteboxd gateways_out { 9.9.9.9 }")
      #expect(try road.converge(try road.desired(sources: "10.147.17.1/32")) == [])
      #expect(try road.packets(GatewaySet.out) == seen)
      #expect(try road.converge(try road.desired(limitedTo: 7)).first == "nft 'delete table inet liteboxd'")
      #expect(try road.packets(GatewaySet.out) == [:])
    }
  }

  @Test("are made by the agent as nft writes them, and are nothing without a table")
  func listing() throws {
    try inNamespace {
      let road = try Road()
      #expect(try road.packets(GatewaySet.out) == [:])
      let ownership = try road.kernel.tableOwnership()
      try road.converge(try road.desired(), as: ownership)
      let text = try shell("nft list ruleset").split(separator: "\n").map { $0.drop { $0 == "\t" } }
      for line in [
        "set gateways_out {", "size 4096", "flags dynamic,timeout", "timeout 1h",
        "update @gateways_out { ip saddr counter } comment \"who sends\"",
        "ip daddr 10.147.17.0/24 update @gateways_in { ip daddr counter } comment \"who is answered\"",
      ] { #expect(text.contains { $0 == line }, "\(line) in \(text.joined(separator: "\n"))") }
      // Nobody else may touch them while the table is held, where the kernel can hold it.
      let flush = "nft flush set inet liteboxd gateways_out"
      switch ownership {
      case .exclusive: #expect(throws: NamespaceError.self) { try shell(flush) }
      case .shared: #expect(throws: Never.self) { try shell(flush) }
      }
    }
  }
}
