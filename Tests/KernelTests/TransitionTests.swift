import Configuration
import Kernel
import Model
import Reconciliation
import Testing

/// What one desired state turns into another, cut off after each operation as by SIGKILL.
@Suite("A change of the kernel's state, cut off at any operation")
struct TransitionTests {
  /// Names, and how the settings differ on either side; nil: nothing installed.
  static let changes: [String] = [
    "first start", "closing", "opening", "another table", "an overlapping table", "another priority",
    "an overlapping priority", "another answer when down", "other exits", "other exclusions",
    "switching exits",
    "sharing flows", "one exit less", "one exit alone again", "end-to-end checks", "no end-to-end checks",
    "teardown with end-to-end checks", "teardown",
  ]

  private static let threeExits = (0..<3).map {
    Exit(name: "cloud-\($0)", address: IPAddress("10.147.17.\($0 + 2)")!)
  }

  private func states(_ change: String, _ gateway: GatewayFixture) throws -> (DesiredState, DesiredState) {
    let tunnel = try gateway.tunnel()
    func open(_ edit: (inout GatewaySettings) -> Void = { _ in }) -> DesiredState {
      var settings = gateway.settings
      edit(&settings)
      return DesiredState(.open([settings.exits[0]], tunnel: tunnel), settings, network: gateway.network)
    }
    func through(_ exits: Int...) -> DesiredState {
      var settings = gateway.settings
      settings.exits = Self.threeExits
      return DesiredState(
        .open(exits.map { settings.exits[$0] }, tunnel: tunnel), settings, network: gateway.network)
    }
    let checked = open { settings in
      settings.exits = Self.threeExits
      settings.probe.through = [TCPTarget(address: IPAddress("1.1.1.1")!, port: 443)]
    }
    let closed = DesiredState(.closed(tunnel: tunnel), gateway.settings, network: gateway.network)
    return switch change {
    case "first start": (.nothing, open())
    case "closing": (open(), closed)
    case "opening": (closed, open())
    case "another table": (open(), open { $0.routingTable = RoutingTableID(rawValue: 300) })
    case "an overlapping table": (open(), open { $0.routingTable = RoutingTableID(rawValue: 101) })
    case "another priority": (open(), open { $0.rulePriority = RulePriority(rawValue: 1000) })
    case "an overlapping priority": (open(), open { $0.rulePriority = RulePriority(rawValue: 151) })
    case "another answer when down": (open(), open { $0.whenDown = .prohibit })
    case "other exits":
      (open(), open { $0.exits = [Exit(name: "cloud-b", address: IPAddress("10.147.17.3")!)] })
    case "other exclusions": (open(), open { $0.excludedCIDRs = [CIDR(IPAddress("192.168.9.9")!)] })
    case "switching exits": (through(0), through(1))
    case "sharing flows": (through(0), through(0, 1, 2))
    case "one exit less": (through(0, 1, 2), through(1, 2))
    case "one exit alone again": (through(0, 1), through(1))
    case "end-to-end checks": (open(), checked)
    case "no end-to-end checks": (checked, open())
    case "teardown with end-to-end checks": (checked, .nothing)
    default: (open(), .nothing)
    }
  }

  private let listing = "ip rule; ip -4 route show table all; nft -s list ruleset"

  @Test("leaves nothing open, and the next pass ends it", arguments: changes)
  func cutOff(_ change: String) throws {
    try inNamespace {
      let gateway = try GatewayFixture()
      let (before, after) = try states(change, gateway)
      let isGuarded = !before.rules.isEmpty && !after.rules.isEmpty
      try gateway.converge(to: before)
      let start = try shell(listing)
      let count = try gateway.plan(to: after).steps.count
      #expect(count > 0)
      for cut in 1...count {
        for step in try gateway.plan(to: after).steps.prefix(cut) {
          try gateway.kernel.apply(step.operation)
          if isGuarded {
            #expect(try !gateway.route(to: "8.8.8.8").contains("dev up0"), "\(change), cut at \(cut)")
          }
        }
        try gateway.converge(to: after)
        try gateway.converge(to: before)
        #expect(try shell(listing) == start, "and back")
      }
    }
  }
}
