extension BenchUnit {
  static let packets = BenchUnit.other("packets/s")
  static let throughput = BenchUnit.other("Gbit/s")
}

extension BenchDataPath {
  /// How many flows there are, from how many addresses.
  struct Span: Sendable {
    let flows: Int
    let sources: Int
    /// The first of the addresses.
    let first: String

    var name: String {
      "\(flows) \(flows == 1 ? "flow" : "flows") from \(sources) \(sources == 1 ? "address" : "addresses")"
    }

    private static let firstPort = 10_000
    private static let service: UInt16 = 9

    /// Each from a port of its own, which no translation has to change.
    func flows(to destination: String) -> [PacketRing.Flow] {
      (0..<flows).map { number in
        PacketRing.Flow(
          source: ipv4(first) + UInt32(number % sources), sourcePort: UInt16(Span.firstPort + number),
          destination: ipv4(destination), destinationPort: Span.service)
      }
    }

    /// To where the flows seem to come from.
    func answers(through rules: DataPathRules) -> [PacketRing.Flow] {
      flows(to: DataPath.destination).map { flow in
        let translated = rules == .none ? flow.source : ipv4(Node.cloudA.publicAddress ?? "")
        return PacketRing.Flow(
          source: flow.destination, sourcePort: flow.destinationPort, destination: translated,
          destinationPort: flow.sourcePort)
      }
    }
  }

  static let spans = [(1, 1), (1000, 1), (10_000, 10_000)].map { flows, sources in
    Span(flows: flows, sources: sources, first: "10.147.64.1")
  }

  /// One table: each load through all the rules, and what is wanted of the worst of them.
  func section(_ title: String, _ loads: [Rates], _ notes: [String]) -> BenchSection {
    // Two runs of the same rules differ by so much.
    let noise = 0.02
    func goal(_ other: DataPathRules, _ limit: Double) -> BenchGoal {
      let worst = loads.compactMap { $0.ratio(of: .agent, to: other) }.min()
      return BenchGoal("\(title): beside \(other.rawValue), at its worst", .times, worst, .atLeast(limit))
    }
    return BenchSection(
      title, loads.flatMap(\.rows), notes: notes,
      goals: [goal(.recipe, 1 - noise), goal(.none, 0.97)])
  }
}

extension BenchDataPath.Rates {
  /// Of two rates of one turn, which had the same machine: the median of all turns.
  func ratio(of rules: DataPathRules, to other: DataPathRules) -> Double? {
    func rates(_ rules: DataPathRules) -> [Double] { turns.first { $0.rules == rules }?.rates ?? [] }
    let ratios = zip(rates(rules), rates(other)).filter { $0.1 > 0 }.map { $0.0 / $0.1 }
    return ratios.isEmpty ? nil : BenchSpread(ratios).median
  }

  var rows: [BenchRow] {
    turns.map { rules, rates in
      var row = BenchRow("\(name): \(rules.rawValue)", unit, .spread(BenchSpread(rates)))
      let others: [DataPathRules] = rules == .none ? [] : rules == .agent ? [.none, .recipe] : [.none]
      for other in others {
        if let value = ratio(of: rules, to: other) { row.add(.init(other: other.rawValue, value: value)) }
      }
      return row
    }
  }
}

/// A dotted address as a number; 0 for what is none.
private func ipv4(_ text: String) -> UInt32 {
  text.split(separator: ".").reduce(0) { $0 << 8 | (UInt32($1) ?? 0) }
}
