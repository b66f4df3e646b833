import Glibc

extension BenchPart {
  static let dataPath = BenchPart(
    "data-path", "throughput through a cloud server's ruleset and a gateway's guard, beside other rules"
  ) { try BenchDataPath($0).measure() }
}

/// The same traffic through the same machines, which differ in their rules alone. The machines stand side by side and
/// take turns, in a new order each time, so that whatever else happens on this host happens to all of them.
struct BenchDataPath {
  private let options: Bench.Options
  private let turns: Int
  private let time: Duration

  init(_ options: Bench.Options) {
    self.options = options
    turns = options.count(9, quick: 1)
    time = options.time(.milliseconds(200), quick: .milliseconds(20))
  }

  func measure() throws -> [BenchSection] { try measureCloud() + measureGateway() }

  /// What one figure is of.
  private struct Load {
    let name: String
    let unit: BenchUnit
    let rate: (DataPath) throws -> Double
  }

  // MARK: A cloud server

  private func measureCloud() throws -> [BenchSection] {
    let paths = try open(DataPathRules.ofCloud) { try DataPath.cloud($0, options) }
    defer { for path in paths { path.lab.close() } }
    let out = try BenchDataPath.spans.map { span in
      try compare(
        Load(name: span.name, unit: .packets) {
          try $0.packetRate(span.flows(to: DataPath.destination), $0.out, over: time)
        }, over: paths)
    }
    // Each follows what has just gone out, which is what makes it an answer.
    let back = try BenchDataPath.spans.map { span in
      try compare(
        Load(name: span.name, unit: .packets) {
          try $0.packetRate(span.answers(through: $0.rules), $0.back, over: time)
        }, over: paths)
    }
    return [
      section("cloud server, small UDP packets out", out, BenchDataPath.packetNotes),
      section("cloud server, small UDP packets back", back, BenchDataPath.packetNotes),
      section(
        "cloud server, TCP",
        try connections([(1, 1), (1000, 1), (1000, 1000)], paths, from: .gateway) { count in
          (0..<count).map { "10.147.\(128 + $0 / 200).\($0 % 200 + 1)" }
        }, BenchDataPath.connectionNotes),
    ]
  }

  // MARK: A gateway

  private func measureGateway() throws -> [BenchSection] {
    let paths = try open(DataPathRules.ofGateway) { try DataPath.gateway($0, options) }
    defer { for path in paths { path.lab.close() } }
    var loads = [1, 1000].map { count in
      let span = Span(flows: count, sources: 1, first: Address.egress)
      return Load(name: "\(span.name), the egress IP", unit: .packets) {
        try $0.packetRate(span.flows(to: DataPath.destination), $0.toTunnel, over: time)
      }
    }
    let others = Span(flows: 10_000, sources: 10_000, first: "10.128.0.1")
    loads.append(
      Load(name: "\(others.name), none of them guarded", unit: .packets) {
        try $0.packetRate(others.flows(to: DataPath.neighbour), $0.toUplink, over: time)
      })
    let packets = try loads.map { try compare($0, over: paths) }
    for path in paths { try path.openForConnections() }
    return [
      section("gateway, small UDP packets out", packets, BenchDataPath.packetNotes),
      section(
        "gateway, TCP", try connections([(1, 1), (1000, 1)], paths, from: .pod) { _ in [] },
        BenchDataPath.connectionNotes),
    ]
  }

  // MARK: Measuring

  private func open(
    _ rules: [DataPathRules], _ make: (DataPathRules) throws -> DataPath
  ) throws -> [DataPath] {
    var paths: [DataPath] = []
    do {
      for rules in rules { paths.append(try make(rules)) }
      return paths
    } catch {
      for path in paths { path.lab.close() }
      throw error
    }
  }

  /// What was measured of one load: the rates of each turn, by the rules.
  struct Rates {
    let name: String
    let unit: BenchUnit
    let turns: [(rules: DataPathRules, rates: [Double])]
  }

  private func compare(_ load: Load, over paths: [DataPath]) throws -> Rates {
    var rates = [DataPathRules: [Double]]()
    // The first turn warms up, and is not counted.
    for turn in 0...turns {
      for path in paths.shuffled() {
        let rate = try load.rate(path)
        if turn > 0 { rates[path.rules, default: []].append(rate) }
      }
    }
    return Rates(name: load.name, unit: load.unit, turns: paths.map { ($0.rules, rates[$0.rules] ?? []) })
  }

  /// TCP connections that stand throughout, from so many addresses.
  private func connections(
    _ counts: [(flows: Int, sources: Int)], _ paths: [DataPath], from node: Node, addresses: (Int) -> [String]
  ) throws -> [Rates] {
    try counts.map { flows, sources in
      let transfers = try paths.map {
        ($0.rules, try Transfer($0.lab, from: node, flows, sources: addresses(sources)))
      }
      defer { for (_, transfer) in transfers { _ = try? transfer.stop() } }
      let span = Span(flows: flows, sources: sources, first: "")
      return try compare(
        Load(name: span.name, unit: .throughput) { path in
          let transfer = transfers.first { $0.0 == path.rules }
          return (try transfer?.1.rate(over: time) ?? 0) * 8 / 1e9
        }, over: paths)
    }
  }

  private static let packetNotes = [
    "60 octets a frame, of one sender that never pauses, on one processor that sends, forwards and drops",
    "no rules: forwarding without connection tracking, the way back known; masquerade alone: one rule of source NAT",
  ]
  private static let connectionNotes = [
    "one thread that sends and one that receives, segments as large as the kernel hands them on"
  ]
}
