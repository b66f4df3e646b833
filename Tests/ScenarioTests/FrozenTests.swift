import JSON
import Lab
import Testing

@Suite("S20: the agent is frozen while much is done to its state", .serialized)
struct FrozenTests {
  private static let faults: [[String]] = [
    ["ip rule del priority 150"], ["ip rule del priority 151"],
    ["ip rule add priority 10 from \(Address.egress) lookup main"],
    ["ip route flush table 100"], ["ip route flush table 101"], ["nft flush ruleset"],
    ["ip route replace default via \(Address.uplinkRouter) dev uplink0 table 100"],
    ["ip route add 203.0.113.0/24 via \(Address.uplinkRouter) dev uplink0 table 101"],
    ["sysctl -qw net.ipv4.ip_forward=0"],
    [
      "ip rule flush", "ip rule add priority 32766 lookup main", "ip rule add priority 32767 lookup default",
    ],
  ]

  @Test("all of it at once passes no packet beside the tunnel, and SIGCONT puts it right")
  func everything() throws {
    let stage = try Stage()
    let namespace = try stage.lab.namespace(.gateway)
    let before = try stage.state()
    try stage.underTraffic { traffic in
      let protection = try stage.tableProtection()
      stage.gateway.freeze()
      for command in Self.faults.joined() {
        // Where it takes the guard away, nothing is left against the loss of all rules.
        if protection == .repairs && command == "nft flush ruleset" { continue }
        // What an earlier one took away cannot go twice.
        _ = try namespace.execute(command.split(separator: " ").map(String.init)).run()
        try stage.lab.restoreCiliumStandIn()
        stage.lab.letPass(.milliseconds(100))
        #expect(try stage.lab.leaks().total == 0, "\(command)")
      }
      // Long enough for each poll, probe and timer of the agent to be overdue several times.
      stage.lab.letPass(.seconds(2))
      stage.gateway.thaw()
      try stage.waitForState(before)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    try stage.gateway.waitFor(phase: "ready", within: .seconds(3))
    try stage.expectInSync()
  }
}
