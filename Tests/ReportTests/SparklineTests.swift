import Testing

@testable import Report

@Suite("Round trips as a line of blocks")
struct SparklineTests {
  @Test(
    "is as high as they are slow, with a dot for a loss",
    arguments: [
      ([], 10, ""), ([0.01], 10, "▁"), ([nil], 10, "·"), ([0.01, nil, 0.02], 10, "▁·▇"),
      ([0.01, 0.0101, 0.0119], 10, "▁▁▁"), ([0.01, 0.014, 0.016, 0.018, 0.02, 0.1], 10, "▁▁▁▁▁▇"),
      ([0.01, 0.04, 0.06, 0.08, 0.1, 0.11], 10, "▁▂▃▅▇▇"), ([0.0001, 0.0004, 0.0009], 10, "▁▂▅"),
      ([1, 2, 3, 4], 2, "▁▂"), ([1, 2], 0, ""), ([.nan, .infinity, -1, 0], 10, "··▁▇"),
    ] as [([Double?], Int, String)])
  func text(_ samples: [Double?], _ columns: Int, _ text: String) {
    #expect(Sparkline.text(samples, columns: columns) == text)
  }
}
