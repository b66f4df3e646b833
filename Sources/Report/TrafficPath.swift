import Model

/// The way of a packet as one line of hops, each with its state below it. The arrow into a hop that lets nothing
/// through is broken.
struct TrafficPath {
  private struct Hop {
    let name: Span
    let state: Span
    let tone: Tone

    /// Names and states of others may be of any length.
    init(name: String, state: String, tone: Tone) {
      self.name = Span(name).clipped(to: Self.longest)
      self.state = Span(state).clipped(to: Self.longest)
      self.tone = tone
    }

    private static let longest = 24

    /// Says what the colour says.
    var mark: String {
      switch tone {
      case .good: "●"
      case .caution: "▲"
      case .bad: "■"
      case .plain, .strong, .faint: ""
      }
    }

    var title: String { mark.isEmpty ? name.text : mark + " " + name.text }
    /// So that the state stands below the name.
    var indentation: String { mark.isEmpty ? "" : "  " }
    var width: Int { max(Span(title).columns, Span(indentation + state.text).columns) }

    /// Into this hop, in so many columns.
    func arrow(_ length: Int) -> Span {
      let line = String(repeating: "─", count: length - 1)
      return tone == .bad ? Span(line + "✗", .bad) : Span(line + "▶", .good)
    }
  }

  private let hops: [Hop]

  init(_ status: AgentStatus) {
    let here = Hop(
      name: status.role == .gateway ? "gateway" : "this server",
      state: status.kernel.state, tone: status.kernel.tone)
    let internet = Hop(
      name: "Internet", state: status.tunnelUp ? "open" : "closed", tone: status.tunnelUp ? .good : .bad)
    switch status.role {
    case .gateway:
      hops = [
        Hop(name: "pods", state: "", tone: .plain), here, TrafficPath.zerotier(status.zerotier),
        TrafficPath.exit(status), internet,
      ]
    case .cloud:
      hops = [
        Hop(name: "gateways", state: "", tone: .plain), TrafficPath.zerotier(status.zerotier), here,
        TrafficPath.wan(status.wan), internet,
      ]
    }
  }

  /// Two rows: names with arrows between them, which are as long as there is room, and states.
  func write(to page: inout PageWriter) {
    let room = min(page.width, Self.widest) - Self.indent - hops.reduce(0) { $0 + $1.width }
    let length = min(max(room / (hops.count - 1) - 2, 2), Self.longestArrow)
    var names: [Span] = []
    var states: [Span] = []
    for (index, hop) in hops.enumerated() {
      if index > 0 {
        names.append(hop.arrow(length))
        states.append(Span(""))
      }
      names.append(Span(hop.title, hop.mark.isEmpty ? .strong : hop.tone))
      states.append(Span(hop.indentation + hop.state.text, hop.tone))
    }
    var table = Table(gap: 1)
    table.add(names)
    table.add(states)
    table.write(to: &page, indent: Self.indent)
  }

  private static let indent = 2
  /// Beyond that the eye loses the line.
  private static let widest = 120
  private static let longestArrow = 8

  private static func zerotier(_ zerotier: ZeroTierStatus) -> Hop {
    let state = zerotier.interface == nil ? "no interface" : zerotier.networkStatus ?? "no word yet"
    return Hop(name: "ZeroTier", state: state, tone: zerotier.tone)
  }

  private static func exit(_ status: AgentStatus) -> Hop {
    let active = status.exits.filter(\.active)
    if active.count > 1 {
      return Hop(name: "\(active.count) exits", state: "sharing flows", tone: .good)
    }
    if let exit = active.first {
      let detail = exit.rttSeconds.map { ", " + shortTime($0) } ?? ""
      return Hop(name: exit.name, state: exit.health.rawValue + detail, tone: exit.health.tone)
    }
    guard !status.exits.isEmpty else { return Hop(name: "no exit", state: "none known yet", tone: .bad) }
    let healthy = status.exits.count { $0.healthy }
    return Hop(name: "no exit", state: "\(healthy) of \(status.exits.count) healthy", tone: .bad)
  }

  private static func wan(_ wan: WANStatus?) -> Hop {
    guard let wan else { return Hop(name: "no WAN", state: "no default route", tone: .bad) }
    return Hop(name: wan.interface.text, state: wan.state, tone: wan.tone)
  }
}

extension Phase {
  var tone: Tone {
    switch self {
    case .ready: .good
    case .starting, .degraded: .caution
    case .blocked: .bad
    }
  }

  /// Says what the colour says.
  var mark: String {
    switch self {
    case .ready: "●"
    case .starting: "○"
    case .degraded: "▲"
    case .blocked: "■"
    }
  }

  /// Of the reasons for it.
  var findingTone: Tone { self == .degraded ? .caution : .bad }

  /// What follows for traffic and for the reader.
  var meaning: String {
    switch self {
    case .starting: "nothing opens before the first pass is verified"
    case .ready: "traffic flows"
    case .degraded: "traffic flows, and something needs a person"
    case .blocked: "no traffic can flow (fail-closed)"
    }
  }
}

extension ExitStatus.Health {
  var tone: Tone {
    switch self {
    case .healthy: .good
    case .unknown, .suspect: .caution
    case .unhealthy: .bad
    }
  }
}

extension ZeroTierStatus {
  /// Bad is what lets nothing through; a silent API alone does not.
  var tone: Tone {
    guard interface != nil else { return .bad }
    return networkStatus.map { $0 == "OK" ? .good : .bad } ?? .caution
  }
}

extension KernelStatus {
  var state: String { inSync ? "in sync" : objects.isEmpty ? "not read yet" : "out of sync" }
  var tone: Tone { inSync ? .good : .caution }
}
