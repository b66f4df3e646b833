/// How often something took how long, in fixed buckets (Prometheus's histogram).
public struct Histogram: Equatable, Sendable {
  /// Upper bounds in seconds, rising. They begin where a pass over a handful of objects ends, and end where an
  /// operator would have noticed by other means.
  public static let bounds: [Double] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
  ]

  public private(set) var count: UInt64 = 0
  public private(set) var sum = Duration.zero
  /// Per bound, how many fell between it and the one before; what exceeded the last is in `count` alone.
  private var perBucket = [UInt64](repeating: 0, count: bounds.count)

  public init() {}

  /// A negative duration counts as none at all.
  public mutating func record(_ duration: Duration) {
    let duration = max(duration, .zero)
    count += 1
    sum += duration
    let seconds = duration.seconds
    if let bucket = Histogram.bounds.firstIndex(where: { seconds <= $0 }) { perBucket[bucket] += 1 }
  }

  /// Per bound, how many took that long or less.
  public var cumulative: [(bound: Double, count: UInt64)] {
    var total: UInt64 = 0
    return zip(Histogram.bounds, perBucket).map { bound, count in
      total += count
      return (bound, total)
    }
  }
}

extension Duration {
  /// As a fraction; exact enough for what is shown (2^-53 of the value).
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
