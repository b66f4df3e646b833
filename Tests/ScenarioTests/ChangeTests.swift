import JSON
import Lab
import Testing

@Suite("S9: every owned object is changed in place", .serialized)
struct ChangeTests {
  /// What makes another of it, in one transaction of `ip`, with the agent's own protocol.
  private func commands(_ device: String) -> [[String]] {
    let egress = Address.egress
    let exit = Node.cloudA.tunnelAddress ?? ""
    func rule(_ priority: Int, _ words: String) -> [String] {
      ["rule del priority \(priority)", "rule add \(words) protocol 147"]
    }
    return [
      rule(150, "from \(egress) lookup 99 priority 150"), rule(150, "from \(egress) lookup 100 priority 140"),
      rule(150, "from \(egress) lookup main priority 150"),
      rule(150, "from \(Address.tunnelNetwork) lookup 100 priority 150"),
      rule(150, "from \(egress) fwmark 0x1/0x1 lookup 100 priority 150"),
      rule(151, "from \(egress) lookup main priority 151"),
      rule(151, "from \(egress) lookup 101 priority 161"),
      rule(152, "from all oif uplink0 lookup 100 priority 152"),
      rule(152, "from all oif \(device) lookup main priority 152"),
    ]
      + [
        "replace default via 10.147.17.3 dev \(device) table 100",
        "replace default via \(exit) dev \(device) table 100 mtu 1000",
        "replace default via \(Address.uplinkRouter) dev uplink0 table 100",
        "replace \(exit) dev uplink0 scope link table 100", "replace blackhole \(exit) table 100",
        "replace unreachable default table 100 metric 4294967295",
        "replace blackhole 10.0.0.0/8 table 100", "replace unreachable default table 101",
        "replace throw default table 101", "replace throw \(exit) table 101",
      ].map { ["route \($0) proto 147"] }
      + [
        [
          "route del default via \(exit) dev \(device) table 100",
          "route add default via \(exit) dev \(device) table 100 proto 147 metric 7",
        ],
        [
          "route del blackhole default table 101", "route add blackhole default table 101 proto 147 metric 7",
        ],
      ]
  }

  @Test("nothing leaks in the meantime, and it is put right", arguments: Watchfulness.allCases)
  func changed(_ watchfulness: Watchfulness) throws {
    let stage = try Stage()
    let gateway = try stage.lab.namespace(.gateway)
    let before = try stage.state()
    try stage.underTraffic { traffic in
      for lines in commands(try stage.lab.zeroTier(.gateway).device) {
        if watchfulness == .frozen { stage.gateway.freeze() }
        try gateway.ip(batch: lines)
        if watchfulness == .frozen {
          #expect(try stage.state() != before, "\(lines): without effect")
          stage.lab.letPass(.milliseconds(60))
          stage.gateway.thaw()
        }
        try stage.waitForState(before)
        #expect(try stage.lab.leaks().total == 0, "\(lines)")
      }
      try stage.expectNoWayPast("all changes")
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
    try stage.expectInSync()
  }
}

extension NetworkNamespace {
  /// Lines for `nft` that each change one object of the table, derived from what `nft` lists: every rule replaced,
  /// with one put before and behind it, every base chain with the other policy, every set with another element.
  func nftablesChanges() throws -> [String] {
    let listing = try JSONValue(parsing: nft("-j", "-a", "list", "table", "inet", "liteboxd").utf8)
    return (listing["nftables"]?.array ?? []).flatMap { entry -> [String] in
      if let rule = entry["rule"] {
        let chain = "inet liteboxd \(rule["chain"]?.string ?? "")"
        let place = "\(chain) handle \(rule["handle"]?.integer ?? -1)"
        return ["replace rule \(place) accept", "insert rule \(place) accept", "add rule \(place) accept"]
      }
      if let chain = entry["chain"], let hook = chain["hook"]?.string, let type = chain["type"]?.string {
        let policy = chain["policy"]?.string == "drop" ? "accept" : "drop"
        let words = "type \(type) hook \(hook) priority \(chain["prio"]?.integer ?? 0); policy \(policy);"
        return ["add chain inet liteboxd \(chain["name"]?.string ?? "") { \(words) }"]
      }
      if let set = entry["set"], set["type"]?.string == "ipv4_addr" {
        return ["add element inet liteboxd \(set["name"]?.string ?? "") { 192.0.2.77 }"]
      }
      return []
    }
  }
}

@Suite("S16: a kernel parameter is changed at run time", .serialized)
struct ParameterTests {
  @Test(
    "it is put back within a poll, nothing leaks, and traffic goes on", arguments: [Node.gateway, .cloudA])
  func parameters(_ node: Node) throws {
    let stage = try Stage()
    let before = try stage.state(of: node)
    let namespace = try stage.lab.namespace(node)
    try stage.underTraffic { traffic in
      for parameter in try OwnedObject.parameters(of: node, in: stage.lab) {
        for _ in 0..<3 {
          let start = Moment.now
          try namespace.execute(["sysctl", "-qw", "\(parameter.name)=\(parameter.other)"]).output()
          let back = try eventually(within: .seconds(3)) { () -> Moment? in
            try namespace.execute(["sysctl", "-n", parameter.name]).output()
              .split(separator: "\n").first.map(String.init) == parameter.value ? Moment.now : nil
          }
          #expect(try #require(back, "\(parameter)") - start < .milliseconds(750).patient, "\(parameter)")
        }
      }
      try stage.waitForState(before, of: node)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
    try stage.expectInSync(node == .gateway ? stage.gateway : stage.cloud)
  }
}
