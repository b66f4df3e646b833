/// Round trips as a row of blocks, one for each probe, the newest last. A probe without an answer is a gap with a dot
/// in it, so that it is not taken for time before the first probe.
enum Sparkline {
  static let gap: Unicode.Scalar = "·"
  /// From the quickest to the slowest that is shown.
  static let levels: [Unicode.Scalar] = ["▁", "▂", "▃", "▅", "▇"]

  /// - Parameters:
  ///   - samples: seconds, nil for a loss; the oldest first.
  ///   - columns: how many of the newest are shown.
  static func text(_ samples: [Double?], columns: Int) -> String {
    let shown = samples.suffix(max(0, columns)).map { $0.flatMap { $0.isFinite ? $0 : nil } }
    let known = shown.compactMap { $0 }
    guard let lowest = known.min(), let highest = known.max() else {
      return String(repeating: String(gap), count: shown.count)
    }
    // Small differences are none: the height spans the quickest round trip once more, and a millisecond at least.
    let span = max(highest - lowest, lowest, 0.001)
    return shown.reduce(into: "") { text, sample in
      text.unicodeScalars.append(
        sample.map { levels[min(levels.count - 1, Int(($0 - lowest) / span * Double(levels.count)))] } ?? gap)
    }
  }
}
