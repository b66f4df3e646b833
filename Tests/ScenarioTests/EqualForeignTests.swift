import JSON
import Lab
import Testing

@Suite("S14: the same rule or route as ours, of a foreign protocol", .serialized)
struct EqualForeignTests {
  /// Routes that take the place of one of ours, or stand beside it.
  private func commands(_ device: String) -> [String] {
    let exit = Node.cloudA.tunnelAddress ?? ""
    return [
      "route replace default via \(exit) dev \(device) table 100 proto static",
      "route append default via \(exit) dev \(device) table 100 proto static",
      "route prepend default via \(exit) dev \(device) table 100 proto dhcp",
      "route replace throw 10.0.0.0/8 table 100 proto static",
      "route replace blackhole default table 101 proto static",
      "route replace blackhole default table 100 metric 4294967295 proto static",
    ]
  }

  @Test("a route is resolved within few passes, nothing leaks, and then the agent is silent")
  func resolved() throws {
    let stage = try Stage()
    let gateway = try stage.lab.namespace(.gateway)
    let before = try stage.state()
    let device = try stage.lab.zeroTier(.gateway).device
    try stage.underTraffic { traffic in
      for line in commands(device) {
        let passes = try stage.counter("reconcile", "total")
        try gateway.ip(line)
        try stage.waitForState(before)
        try stage.expectNoWayPast("\(line)")
        #expect(try stage.counter("reconcile", "total") - passes <= 8, "\(line): \(stage.gateway.log)")
      }
      try expectSilence(stage)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
    try stage.expectInSync()
  }

  /// Rules belong to others as long as they do not have the agent's mark, so they stay, and ours stand beside them.
  @Test("a rule coexists, in the place of ours or beside it, and the agent is silent")
  func coexisting() throws {
    let stage = try Stage()
    let gateway = try stage.lab.namespace(.gateway)
    let before = try stage.state()
    let places = [(149, 100), (150, 100), (151, 101), (153, 100)]
    let ready = try stage.gateway.waitFor(phase: "ready", within: .seconds(3))
    #expect(ready["reasons"]?.array == [])
    try stage.underTraffic { traffic in
      for (priority, table) in places {
        // The kernel takes no second equal rule, so ours goes first where it has the place.
        let removal = (150...151).contains(priority) ? ["rule del priority \(priority)"] : []
        try gateway.ip(
          batch: removal + [
            "rule add from \(Address.egress) lookup \(table) priority \(priority) protocol static"
          ])
        let own = "lookup \(table) proto 147"
        let back = try eventually(within: .seconds(3)) {
          try gateway.ip("rule show").contains(own) ? true : nil
        }
        #expect(back == true, "\(priority): \(stage.gateway.log)")
      }
      try expectSilence(stage)
      try stage.expectNoWayPast("equal rules")
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
      let others = try gateway.ip("rule show").split(separator: "\n").count { $0.contains("proto static") }
      #expect(others == places.count)
      // They lead where ours lead.
      let status = try stage.gateway.waitFor(phase: "ready", within: .seconds(3))
      #expect(
        status["warnings"]?.array?.contains { $0["code"] == "foreign-rule-ahead" } == false, "\(status)")
      try gateway.ip(batch: places.map { "rule del priority \($0.0) protocol static" })
    }
    try stage.waitForState(before)
    try stage.expectInSync()
  }

  /// Not one change of rules or routes in a second and a half, and few passes.
  private func expectSilence(_ stage: Stage) throws {
    stage.lab.letPass(.milliseconds(200))
    let passes = try stage.counter("reconcile", "total")
    let watch = try KernelWatch(.gateway, in: stage.lab)
    stage.lab.letPass(.milliseconds(1500))
    try watch.stop()
    #expect(!watch.events.contains { $0.object == .rule || $0.object == .route }, "\(stage.gateway.log)")
    #expect(try stage.counter("reconcile", "total") - passes <= 8, "\(stage.gateway.log)")
  }
}
