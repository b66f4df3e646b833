/// Something that the benchmark can measure by itself.
public struct BenchPart: Sendable {
  /// As `--only` takes it.
  public let name: String
  /// A few words, for the help.
  public let about: String
  let measure: @Sendable (Bench.Options) throws -> [BenchSection]

  init(
    _ name: String, _ about: String, _ measure: @escaping @Sendable (Bench.Options) throws -> [BenchSection]
  ) {
    self.name = name
    self.about = about
    self.measure = measure
  }

  /// In the order in which they are measured.
  public static let all: [BenchPart] = [
    .repair, .rivals, .load, .foreign, .start, .footprint, .exits, .dataPath, .events, .questions,
    .instructions,
  ]

  public static func named(_ name: String) -> BenchPart? { all.first { $0.name == name } }
}
