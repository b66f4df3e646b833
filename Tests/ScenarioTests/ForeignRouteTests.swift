import Glibc
import JSON
import Lab
import Testing

@Suite("S12: a foreign route in an owned table", .serialized)
struct ForeignRouteTests {
  /// Commands, and whether they lead the lab's traffic to the uplink while they stand.
  static let commands: [(lines: [String], diverts: Bool)] = [
    (["route add 8.8.8.0/24 via 198.51.100.1 dev uplink0 table 100"], false),
    (["route add 203.0.113.0/24 via 198.51.100.1 dev uplink0 table 100"], true),
    (
      ["0.0.0.0/1", "128.0.0.0/1"].map {
        "route add \($0) via 198.51.100.1 dev uplink0 table 100 proto static"
      },
      true
    ),
    (["route prepend default via 198.51.100.1 dev uplink0 table 100"], true),
    (["route replace default via 198.51.100.1 dev uplink0 table 100"], true),
    (["route replace default via 198.51.100.1 dev uplink0 table 100 metric 4294967295"], false),
    (["route replace throw 203.0.113.0/24 table 100"], false),
    (["route change throw 10.0.0.0/8 table 100 proto static"], false),
    (["route add 128.0.0.0/1 dev uplink0 table 101", "route add 0.0.0.0/1 dev uplink0 table 101"], false),
    (["route replace default via 198.51.100.1 dev uplink0 table 101"], false),
    (
      [
        "route replace default table 100 nexthop via 198.51.100.1 dev uplink0 nexthop via 198.51.100.1 dev uplink0 weight 3"
      ], true
    ),
    (["nexthop add id 77 via 198.51.100.1 dev uplink0", "route replace default nhid 77 table 100"], true),
    (["route add 8.8.8.0/24 via inet6 fe80::1 dev uplink0 table 100"], false),
    (["route add 8.8.8.0/24 tos 0x10 via 198.51.100.1 dev uplink0 table 100"], false),
    (["route add 8.8.8.0/24 encap ip id 5 dst 198.51.100.1 dev uplink0 table 100"], false),
    (["route add multicast 224.5.5.5 dev uplink0 table 100"], false),
    (["route add local 8.8.4.4 dev lo table 100"], false),
    (
      [
        "-6 route add 2001:db8:80::/64 dev uplink0 table 100",
        "-6 route add unreachable 2001:db8:81::/64 table 100",
      ], false
    ),
  ]

  @Test("is removed or put right, and nothing leaks", arguments: commands.indices)
  func running(_ index: Int) throws {
    let stage = try Stage()
    let before = try stage.state()
    try stage.underTraffic { traffic in
      for line in Self.commands[index].lines { try stage.lab.namespace(.gateway).ip(line) }
      try stage.waitForState(before)
      try stage.expectNoWayPast("\(Self.commands[index].lines)")
      #expect(try stage.lab.routeGet("8.8.8.8") == .interface(stage.lab.zeroTier(.gateway).device))
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
    try stage.expectInSync()
  }

  @Test(
    "while the agent is frozen the guard drops what it leads to the uplink",
    arguments: commands.filter(\.diverts).map(\.lines))
  func frozen(_ lines: [String]) throws {
    let stage = try Stage()
    let before = try stage.state()
    let dropped = try stage.guardDrops(of: stage.gateway)["egress"] ?? -1
    try stage.underTraffic { traffic in
      stage.gateway.freeze()
      for line in lines { try stage.lab.namespace(.gateway).ip(line) }
      stage.lab.letPass(.milliseconds(300))
      stage.gateway.thaw()
      try stage.waitForState(before)
      try stage.expectNoWayPast("\(lines)")
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
    // Six flows of 50 packets a second.
    #expect(try (stage.guardDrops(of: stage.gateway)["egress"] ?? -1) - dropped >= 30)
    try stage.expectInSync()
  }

  @Test("the control: without the guard it leaks", arguments: commands.filter(\.diverts).map(\.lines))
  func control(_ lines: [String]) throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.followPlanByHand(fallback: .unreachable)
    let traffic = try lab.startTraffic(perSecond: 50)
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    #expect(try lab.leaks().total == 0)
    for line in lines { try lab.namespace(.gateway).ip(line) }
    lab.letPass(.milliseconds(300))
    try traffic.stop()
    let leaks = try lab.leaks()
    #expect(min(leaks.tcp, leaks.udp, leaks.icmp) > 0, "\(leaks)")
  }
}
