/// Figures that belong together, with what is wanted of them.
public struct BenchSection: Sendable {
  /// Tells it apart from the others, also in a saved run.
  public let title: String
  public var rows: [BenchRow]
  /// What has to be known to read the figures: intervals, sizes, evidence.
  public var notes: [String]
  public var goals: [BenchGoal]

  public init(_ title: String, _ rows: [BenchRow] = [], notes: [String] = [], goals: [BenchGoal] = []) {
    self.title = title
    self.rows = rows
    self.notes = notes
    self.goals = goals
  }

  public subscript(row name: String) -> BenchRow? { rows.first { $0.name == name } }
}

/// What a figure should be.
public struct BenchGoal: Sendable {
  public enum Limit: Sendable {
    case atMost(Double)
    case below(Double)
    case atLeast(Double)

    func holds(_ value: Double) -> Bool {
      switch self {
      case .atMost(let limit): value <= limit
      case .below(let limit): value < limit
      case .atLeast(let limit): value >= limit
      }
    }

    func text(_ unit: BenchUnit) -> String {
      switch self {
      case .atMost(let limit): "at most \(unit.text(limit))"
      case .below(let limit): "below \(unit.text(limit))"
      case .atLeast(let limit): "at least \(unit.text(limit))"
      }
    }
  }

  /// `rule deleted: median beside the C floor`
  public let text: String
  public let unit: BenchUnit
  /// nil: could not be measured, and so does not hold.
  public let figure: Double?
  public let limit: Limit

  public init(_ text: String, _ unit: BenchUnit, _ figure: Double?, _ limit: Limit) {
    self.text = text
    self.unit = unit
    self.figure = figure
    self.limit = limit
  }

  public var holds: Bool { figure.map(limit.holds) ?? false }

  /// On a line of its own.
  var line: String {
    let found = figure.map(unit.text) ?? "not measured"
    return "\(holds ? "holds         " : "does not hold ") \(text): \(found) (goal: \(limit.text(unit)))"
  }
}
