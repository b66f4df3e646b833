import JSON

/// What a benchmark found.
public struct BenchReport: Sendable {
  public struct Repair: Sendable {
    public let title: String
    /// Sorted.
    public let times: [Duration]
  }

  /// From the start of the program; sorted.
  public struct Starts: Sendable {
    /// The first change of the kernel that it makes: it tries what nftables can do.
    public internal(set) var toFirstChange: [Duration] = []
    /// The last one before it says that it is ready: guard, tables and rules stand.
    public internal(set) var toFailClosed: [Duration] = []
    /// READY=1, after the kernel was read again.
    public internal(set) var toReady: [Duration] = []

    mutating func sort() {
      toFirstChange.sort()
      toFailClosed.sort()
      toReady.sort()
    }
  }

  /// The agent's nftables table under somebody else's hands. Nothing is to be repaired where the kernel refuses.
  public enum OwnedTable: String, Sendable {
    case refused = "refused by the kernel (owned table)"
    case deleted = "deleted (this kernel's tables have no owner); not timed"
  }

  public let repairs: [Repair]
  public let ownedTable: OwnedTable
  public let starts: Starts
  public let footprint: Footprint
  /// nil: not measured.
  public internal(set) var exits: BenchExits?
}

/// The figures that are shown of a sorted list.
private struct Spread {
  static let shares = [("median", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)]
  let values: [(name: String, time: Duration)]

  init(_ sorted: [Duration]) {
    values = Spread.shares.map { name, share in
      let index = min(sorted.count - 1, Int(Double(sorted.count) * share))
      return (name, sorted.isEmpty ? .zero : sorted[index])
    }
  }

  var columns: String {
    values.map { Spread.column("\($0.time.nanoseconds / 1000)") }.joined()
  }

  var members: [JSONValue.Member] { values.map { .init($0.name, .number($0.time.seconds)) } }

  static var head: String { shares.map { column($0.0) }.joined() }

  private static func column(_ text: String) -> String {
    String(repeating: " ", count: max(1, 9 - text.count)) + text
  }
}

extension BenchReport {
  private var startRows: [(title: String, times: [Duration])] {
    [
      ("the kernel is first changed", starts.toFirstChange), ("fail-closed", starts.toFailClosed),
      ("READY=1", starts.toReady),
    ]
  }

  public var text: String {
    let rounds = repairs.map(\.times.count).max() ?? 0
    var lines = [BenchReport.row("from damage to repair, µs, \(rounds) times each", Spread.head)]
    lines += repairs.map { BenchReport.row("  \($0.title)", Spread($0.times).columns) }
    lines.append(BenchReport.row("  nftables table deleted", "  \(ownedTable.rawValue)"))
    lines += ["", BenchReport.row("from exec, µs, \(starts.toReady.count) times", Spread.head)]
    lines += startRows.map { BenchReport.row("  until \($0.title)", Spread($0.times).columns) }
    lines += [""] + footprint.lines
    if let exits {
      lines += [""] + exits.lines
      lines.append(BenchReport.row("from the cut, µs, \(exits.toBlocked.count) times each", Spread.head))
      lines += exits.rows.map { BenchReport.row("  until \($0.title)", Spread($0.times).columns) }
    }
    return lines.joined(separator: "\n")
  }

  private static func row(_ title: String, _ columns: String) -> String {
    title + String(repeating: " ", count: max(0, 42 - title.count)) + columns
  }

  /// Times in seconds.
  public var json: JSONValue {
    func rows(_ key: String, _ rows: [(title: String, times: [Duration])]) -> JSONValue {
      .array(
        rows.map { row in
          .object(
            [.init(key, .string(row.title)), .init("rounds", .integer(Int64(row.times.count)))]
              + Spread(row.times).members)
        })
    }
    return [
      "repairSeconds": rows("kind", repairs.map { ($0.title, $0.times) }),
      "nftables": .string(ownedTable.rawValue), "startSeconds": rows("until", startRows),
      "footprint": footprint.json, "exits": exits?.json ?? .null,
      "outageSeconds": rows("until", exits?.rows ?? []),
    ]
  }
}
