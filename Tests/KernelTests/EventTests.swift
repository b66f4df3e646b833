import Glibc
import Kernel
import Model
import Testing

@Suite("Events of the kernel")
struct EventTests {
  private static let tables: Set = [RoutingTableID(rawValue: 100), RoutingTableID(rawValue: 300)]

  /// What one command makes dirty.
  private func dirt(_ command: String, after setUp: String = "true") throws -> Domains {
    try inNamespace {
      try shell(
        """
        echo 1 > /proc/sys/net/ipv6/conf/default/addr_gen_mode
        ip link set lo up; ip link add a0 type veth peer name b0; ip link set a0 up; ip link set b0 up
        # The kernel tells of the carrier a while later.
        until ip link show a0 | grep -q 'state UP' && ip link show b0 | grep -q 'state UP'; do sleep 0.01; done
        nft add table inet liteboxd
        \(setUp)
        """)
      let events = try KernelEvents(ignoring: [])
      try events.hearNftables(true)
      try shell(command)
      return try events.drain(tables: Self.tables).dirty
    }
  }

  @Test(
    "name what has to be read again",
    arguments: [
      ("ip rule add priority 150 lookup 100", Domains.rulesIPv4),
      ("ip route add throw 10.0.0.0/8 table 100", .routesIPv4),
      ("ip route add throw 10.0.0.0/8 table 300", .routesIPv4),
      ("ip route add 10.0.0.0/8 dev a0", Domains()), ("ip route add throw 10.0.0.0/8 table 301", Domains()),
      ("ip route add default dev a0", .mainDefaults),
      ("ip route add 8.8.8.8 dev a0 table local", .strangeLocals),
      ("ip route add local 8.8.8.8 dev a0 table local", Domains()),
      ("nft add chain inet liteboxd c", .nftables),
      ("nft add table inet other", Domains()), ("nft delete table inet liteboxd", .nftables),
      ("nft add set inet liteboxd s '{ type ipv4_addr; }'", .nftables),
      ("nft add counter inet liteboxd c", .nftables), ("echo 1 > /proc/sys/net/ipv4/ip_forward", .sysctls),
      ("echo 2 > /proc/sys/net/ipv4/conf/a0/rp_filter", .sysctls),
    ])
  func kinds(_ command: String, _ expected: Domains) throws {
    #expect(try dirt(command) == expected)
  }

  /// What `drain` makes of one command.
  private func heard(_ command: String, after setUp: String) throws -> KernelEvents.Batch {
    try inNamespace {
      try shell("ip link set lo up; \(setUp)")
      let events = try KernelEvents(ignoring: [])
      try shell(command)
      return try events.drain(tables: Self.tables)
    }
  }

  @Test("tell what was taken away or replaced, so that it can be undone, and in which table")
  func drift() throws {
    let rule = try heard(
      "ip rule del priority 150", after: "ip rule add priority 150 lookup 100 protocol 147")
    #expect(rule.drift.deletedRules.map { "\($0)" } == ["priority 150 from all lookup 100 protocol liteboxd"])
    #expect(rule.tables == [])

    func texts(_ routes: [Route]) -> [String] { routes.map { route in route.text { _ in "lo" } } }
    let setUp =
      "ip route add throw 10.0.0.0/8 table 300 proto 147; ip route add default dev lo table 100 proto 147"
    let deleted = try heard("ip route del throw 10.0.0.0/8 table 300", after: setUp)
    #expect(texts(deleted.drift.deletedRoutes) == ["throw 10.0.0.0/8 table 300 proto liteboxd"])
    #expect(deleted.tables == [RoutingTableID(rawValue: 300)])
    let replaced = try heard("ip route replace blackhole default table 100", after: setUp)
    #expect(texts(replaced.drift.substitutes) == ["blackhole default table 100 proto boot"])
    #expect(replaced.drift.deletedRoutes.isEmpty && replaced.tables == [RoutingTableID(rawValue: 100)])
    let added = try heard("ip route prepend blackhole default table 100", after: setUp)
    #expect(added.drift.isEmpty && added.tables == [RoutingTableID(rawValue: 100)])
    let back = try heard(
      "ip route del default table 100; ip route add default dev lo table 100 proto 147", after: setUp)
    #expect(back.drift.deletedRoutes.isEmpty)
    #expect(texts(back.drift.substitutes) == ["default dev lo table 100 proto liteboxd"])
  }

  @Test("what the agent has put back since is none of it, and what it took away itself neither")
  func putBack() throws {
    try inNamespace {
      try shell("ip link set lo up")
      let kernel = try Kernel()
      let key = Route.Key(table: RoutingTableID(rawValue: 100), destination: .everything(.ipv4))
      let route = Route(key, .init(.blackhole))
      let rule = RoutingRule(
        family: .ipv4, priority: RulePriority(rawValue: 150), selector: .init(), action: .lookup(key.table))
      for operation in [Operation.addRoute(route), .addRule(rule)] { try kernel.apply(operation) }
      let events = try KernelEvents(ignoring: kernel.ports)
      let deletion = "ip rule del priority 150; ip route del blackhole default table 100"
      try shell(deletion)
      for operation in [Operation.addRoute(route), .addRule(rule)] { try kernel.apply(operation) }
      let undone = try events.drain(tables: Self.tables)
      #expect(undone.dirty == [.rulesIPv4, .routesIPv4] && undone.drift.deletedRules.isEmpty)
      #expect(undone.drift.deletedRoutes.isEmpty && undone.drift.substitutes == [route])
      try shell(deletion)
      #expect(try events.drain(tables: Self.tables).drift.count == 2)
      try kernel.apply(.addRoute(route))
      try kernel.apply(.deleteRoute(ObservedRoute(route, dump: [])))
      #expect(try events.drain(tables: Self.tables).drift.isEmpty)
    }
  }

  @Test("tell which parameter was set to what, of all links or of one")
  func parameters() throws {
    func told(_ command: String) throws -> [AnnouncedDrift.Parameter] {
      try heard(command, after: "echo 1 > /proc/sys/net/ipv4/ip_forward").drift.parameters
    }
    let lo = InterfaceIndex(rawValue: 1)
    let off = try told("echo 0 > /proc/sys/net/ipv4/ip_forward")
    #expect(Set(off) == [.init(.forwarding, of: nil, 0), .init(.forwarding, of: lo, 0)])
    #expect(try told("echo 0 > /proc/sys/net/ipv4/conf/lo/forwarding") == [.init(.forwarding, of: lo, 0)])
    #expect(
      try told("echo 1 > /proc/sys/net/ipv4/conf/lo/rp_filter") == [.init(.reversePathFilter, of: lo, 1)])
  }

  @Test("of a link or an address no table is named, since the kernel tells of none")
  func everyTable() throws {
    let setUp = "ip link add a0 type veth peer name b0; ip address add 10.1.1.1/24 dev a0; ip link set a0 up"
    #expect(try heard("ip address del 10.1.1.1/24 dev a0", after: setUp).tables == nil)
    #expect(try heard("ip link set a0 down", after: setUp).tables == nil)
  }

  @Test("a link or an address that goes makes routes dirty, since the kernel does not tell of those")
  func silentRoutes() throws {
    let address = "ip address add 10.1.1.1/24 dev a0"
    #expect(try dirt("ip address del 10.1.1.1/24 dev a0", after: address).contains([.routes, .addresses]))
    #expect(try dirt("ip link set a0 down").contains([.routes, .links]))
    #expect(try dirt("ip link del a0").contains([.routes, .links, .addresses]))
  }

  @Test("the agent's own changes wake nobody")
  func own() throws {
    try inNamespace {
      try shell("ip link set lo up")
      let kernel = try Kernel()
      let events = try KernelEvents(ignoring: kernel.ports)
      try events.hearNftables(true)
      let key = Route.Key(table: RoutingTableID(rawValue: 100), destination: .everything(.ipv4))
      try kernel.apply(.addRoute(Route(key, .init(.blackhole))))
      try kernel.apply(.nftables(.init([.addTable(comment: "x", kernel.tableOwnership())])))
      #expect(try events.drain(tables: Self.tables).dirty.isEmpty)
    }
  }

  @Test("a table's changes are heard from when that is asked for until it is not any more")
  func tableUnheard() throws {
    try inNamespace {
      try shell("ip link set lo up; nft add table inet liteboxd")
      let events = try KernelEvents(ignoring: [])
      for (isHeard, chain) in [(false, "a"), (true, "b"), (false, "c"), (true, "d")] {
        try events.hearNftables(isHeard)
        try shell("nft add chain inet liteboxd \(chain)")
        #expect(try events.drain(tables: Self.tables).dirty == (isHeard ? .nftables : []))
      }
    }
  }

  @Test("routes of others in the main table, however many, leave no trace and cover nothing up")
  func commonRoutes() throws {
    try inNamespace {
      try shell("ip link set lo up")
      let events = try KernelEvents(ignoring: [])
      try shell(
        """
        awk 'BEGIN { for (i = 0; i < 60000; i++) print "route add blackhole 10.0." int(i / 256) "." i % 256 }' |
          ip -batch -
        ip -6 route add blackhole 2001:db8::/32
        """)
      var waiting = pollfd(fd: events.descriptors[0], events: Int16(POLLIN), revents: 0)
      #expect(poll(&waiting, 1, 0) == 0)
      try shell("ip -6 route add blackhole default metric 9")
      let batch = try events.drain(tables: Self.tables)
      #expect(!batch.isOverrun && batch.dirty == .mainDefaults)
    }
  }

  @Test("lost events are told of, and everything is dirty")
  func overrun() throws {
    try inNamespace {
      try shell("ip link set lo up")
      let events = try KernelEvents(ignoring: [])
      // Some 100 octets of queue for each event: more than the socket holds.
      try shell(
        """
        awk 'BEGIN { for (i = 0; i < 60000; i++) print "route add blackhole 10.0." int(i / 256) "." i % 256 " table 100" }' |
          ip -batch -
        """)
      let batch = try events.drain(tables: Self.tables)
      #expect(batch.isOverrun && batch.dirty == .all)
      #expect(try !events.drain(tables: Self.tables).isOverrun)
    }
  }
}
