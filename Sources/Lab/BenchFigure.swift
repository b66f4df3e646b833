/// What a figure counts in: the base unit, in which JSON has it. The text scales it.
public enum BenchUnit: Hashable, Sendable {
  case seconds
  case bytes
  case count
  /// Of one: shown in percent.
  case share
  /// One figure as a multiple of another.
  case times
  /// Shown as it is, with this word behind it: `Gbit/s`.
  case other(String)

  /// Its name in JSON.
  var name: String {
    switch self {
    case .seconds: "seconds"
    case .bytes: "bytes"
    case .count: "count"
    case .share: "share"
    case .times: "times"
    case .other(let name): name
    }
  }

  /// Three digits that count, with their unit.
  public func text(_ value: Double) -> String {
    switch self {
    case .seconds where value < 0.001: "\(threeDigits(value * 1e6)) µs"
    case .seconds where value < 1: "\(threeDigits(value * 1e3)) ms"
    case .seconds: "\(threeDigits(value)) s"
    case .bytes where value < 1024: "\(threeDigits(value)) B"
    case .bytes where value < 1_048_576: "\(threeDigits(value / 1024)) KiB"
    case .bytes: "\(threeDigits(value / 1_048_576)) MiB"
    case .count: threeDigits(value)
    case .share: "\(threeDigits(value * 100)) %"
    case .times: "\(threeDigits(value)) ×"
    case .other(let name): "\(threeDigits(value)) \(name)"
    }
  }
}

/// Rounded to three digits, and to a whole number from 100 on: `0.0417`, `4.17`, `41.7`, `41700`.
func threeDigits(_ value: Double) -> String {
  guard value.isFinite, value.magnitude < 1e15 else { return "\(value)" }
  let size = value.magnitude
  guard size < 100 else { return "\(Int64(value.rounded()))" }
  let scale: Double = size >= 10 ? 10 : size >= 1 ? 100 : size >= 0.1 ? 1000 : 10_000
  let rounded = (value * scale).rounded() / scale
  return rounded == rounded.rounded() ? "\(Int64(rounded))" : "\(rounded)"
}

/// What many measurements of one thing came to.
public struct BenchSpread: Hashable, Sendable {
  public let count: Int
  public let median: Double
  public let p99: Double
  public let max: Double

  /// In any order. Of an even number the upper one is the median; of fewer than 100 the greatest is the 99th percentile.
  public init(_ values: [Double]) {
    let sorted = values.sorted()
    func at(_ share: Double) -> Double {
      sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }
    count = sorted.count
    median = at(0.5)
    p99 = at(0.99)
    max = sorted.last ?? 0
  }

  public init(_ times: [Duration]) { self.init(times.map(\.seconds)) }
}

/// One line of the table.
public struct BenchRow: Sendable {
  public enum Figure: Sendable {
    case spread(BenchSpread)
    /// Measured once.
    case single(Double)
    /// Why there is no number: `does not repair`.
    case none(String)
  }

  /// How many times another figure this one is.
  public struct Ratio: Hashable, Sendable {
    /// `the C floor`
    public let other: String
    public let value: Double
  }

  /// Tells it apart from the others of its section, also in a saved run.
  public let name: String
  public let unit: BenchUnit
  public let figure: Figure
  public private(set) var ratios: [Ratio] = []

  public init(_ name: String, _ times: [Duration]) {
    self.init(name, .seconds, times.isEmpty ? .none("not measured") : .spread(BenchSpread(times)))
  }

  public init(_ name: String, _ unit: BenchUnit, _ value: Double) { self.init(name, unit, .single(value)) }

  public init(_ name: String, _ unit: BenchUnit, _ figure: Figure) {
    self.name = name
    self.unit = unit
    self.figure = figure
  }

  /// The median, or the only value; nil where there is none.
  public var value: Double? {
    switch figure {
    case .spread(let spread): spread.median
    case .single(let value): value
    case .none: nil
    }
  }

  /// The 99th percentile; nil where not many were measured.
  public var p99: Double? { if case .spread(let spread) = figure { spread.p99 } else { nil } }

  /// This figure beside another one of the same run, median beside median; as it is where one of them is missing.
  public func beside(_ other: BenchRow, called name: String? = nil) -> BenchRow {
    guard let ratio = times(other) else { return self }
    var row = self
    row.ratios.append(Ratio(other: name ?? other.name, value: ratio))
    return row
  }

  /// A ratio that was measured in another way than median beside median.
  mutating func add(_ ratio: Ratio) { ratios.append(ratio) }

  /// How many times the other figure this is.
  public func times(_ other: BenchRow) -> Double? {
    guard let value, let base = other.value, base > 0 else { return nil }
    return value / base
  }
}
