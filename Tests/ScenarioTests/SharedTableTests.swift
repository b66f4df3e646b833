import JSON
import Lab
import Testing

/// Where the kernel keeps others from the nftables table they are refused. Where it does not, which the agent is asked,
/// they can do what they like, and the agent undoes it.
@Suite("S8, S9, S10: others do something to the nftables table", .serialized)
struct SharedTableTests {
  @Test(
    "each removal is refused, or put back: nothing leaks in the meantime, by IPv4 or IPv6",
    arguments: Watchfulness.allCases)
  func removals(_ watchfulness: Watchfulness) throws {
    let stage = try Stage()
    let before = try stage.state()
    let removals = try stage.lab.namespace(.gateway).stableRemovals()
    #expect(removals.count >= 25, "\(removals)")
    switch try stage.tableProtection() {
    case .kernel:
      try expectRefused(removals.values + Self.additions, on: .gateway, stage)
    case .repairs:
      try stage.underTraffic { traffic in
        for name in removals.keys.sorted() { try strike(name, watchfulness, before, stage) }
        _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
      }
      try stage.expectInSync()
    }
  }

  @Test("on a cloud server each removal is refused, or put back")
  func cloudRemovals() throws {
    let stage = try Stage()
    let namespace = try stage.lab.namespace(.cloudA)
    let before = try stage.state(of: .cloudA)
    let removals = try namespace.stableRemovals()
    #expect(removals.count >= 25, "\(removals)")
    switch try stage.tableProtection() {
    case .kernel:
      try expectRefused(removals.values + Self.additions, on: .cloudA, stage)
    case .repairs:
      for name in removals.keys.sorted() {
        try expectDoneOrInUse(try #require(namespace.stableRemovals()[name]), namespace)
        try stage.waitForState(before, of: .cloudA)
      }
      try stage.expectInSync(stage.cloud)
    }
  }

  @Test("each change is refused, or undone", arguments: [Node.gateway, .cloudA])
  func changes(_ node: Node) throws {
    let stage = try Stage()
    let namespace = try stage.lab.namespace(node)
    let before = try stage.state(of: node)
    let changes = try namespace.nftablesChanges()
    #expect(changes.count >= 15, "\(changes)")
    switch try stage.tableProtection() {
    case .kernel: try expectRefused(changes, on: node, stage)
    case .repairs:
      for index in changes.indices {
        // Handles are others after each repair, and the order is the same.
        try namespace.nft(try namespace.nftablesChanges()[index])
        try stage.waitForState(before, of: node)
      }
    }
  }

  /// What would add to the table.
  private static let additions = [
    "add chain inet liteboxd x", "add element inet liteboxd tunnel_ipv6 { ::1 }",
  ]

  private func expectRefused(_ lines: [String], on node: Node, _ stage: Stage) throws {
    let before = try stage.state(of: node)
    for line in lines {
      let result = try stage.lab.namespace(node).execute(["nft", line]).run()
      #expect(
        result.status == .exited(1) && result.stderr.contains("Operation not permitted"), "\(line): \(result)"
      )
    }
    #expect(try stage.state(of: node) == before)
  }

  /// What a rule refers to nobody can delete before that rule.
  private func expectDoneOrInUse(_ line: String, _ namespace: NetworkNamespace) throws {
    let result = try namespace.execute(["nft", line]).run()
    #expect(
      result.status == .exited(0) || result.stderr.contains("Device or resource busy"), "\(line): \(result)")
  }

  /// Takes one object away while rules and routes stand: they let nothing past.
  private func strike(_ name: String, _ watchfulness: Watchfulness, _ before: String, _ stage: Stage) throws {
    let namespace = try stage.lab.namespace(.gateway)
    let line = try #require(namespace.stableRemovals()[name])
    if watchfulness == .frozen { stage.gateway.freeze() }
    defer { stage.gateway.thaw() }
    try expectDoneOrInUse(line, namespace)
    // Lookups know nothing of the table: it is enough to ask once all of it is gone.
    if line.hasSuffix("table inet liteboxd") { try stage.expectNoWayPast(line) }
    if watchfulness == .frozen { stage.lab.letPass(.milliseconds(80)) }
    stage.gateway.thaw()
    try stage.waitForState(before)
    #expect(try stage.lab.leaks().total == 0, "\(line)")
  }
}

extension NetworkNamespace {
  /// The lines of `nftablesRemovals` by names that a repair leaves as they are: instead of its handle, which is another
  /// one then, a rule's name has its number in its chain.
  fileprivate func stableRemovals() throws -> [String: String] {
    var rules: [Substring: Int] = [:]
    let named = try nftablesRemovals().map { line -> (String, String) in
      guard let handle = line.range(of: " handle ") else { return (line, line) }
      let chain = line[..<handle.lowerBound]
      rules[chain, default: 0] += 1
      return ("\(chain) number \(rules[chain] ?? 0)", line)
    }
    return Dictionary(uniqueKeysWithValues: named)
  }
}
