import Lab
import Testing

/// A regression that no timer on a shared machine would show.
@Suite("The release binary's instructions, counted")
struct InstructionCountTests {
  /// Three to four tenths above what docs/performance.md names.
  private static let mostAtRest = 960_000
  private static let mostForRepair = 380_000

  @Test("one repair and two seconds of rest take no more than they did")
  func counts() throws {
    try #require(InstructionMeter.isAvailable, "valgrind is missing; run make packaging")
    let lab = try Lab(.init(agent: releaseBinary.path))
    defer { lab.close() }
    let found = try InstructionCounts(lab)
    #expect(found.rest > 0 && found.rest <= Self.mostAtRest)
    #expect(found.repair > 0 && found.repair <= Self.mostForRepair)
  }
}
