import Glibc
import Testing

@Suite("Readers of what strangers write", .serialized)
struct FuzzTests {
  static let targets =
    configurationTargets + netlinkTargets + nftablesTargets + zeroTierTargets + httpTargets + agentTargets
    + adoptionTargets

  /// The same cases each time, unless `make fuzz` asks for others: `FUZZ_SECONDS` for each reader, from `FUZZ_SEED`.
  @Test("survive what is broken, within their bounds, and take what is not", arguments: targets)
  func fuzz(_ target: FuzzTarget) throws {
    let seed = setting("FUZZ_SEED").flatMap { UInt64($0) } ?? 20_261_121
    let length = setting("FUZZ_SECONDS").flatMap { Double($0) }.map { FuzzRun.Length.seconds($0) }
    if length != nil { Crash.watch(seed: seed) }
    var run = FuzzRun(seed: seed, length: length ?? .cases(200))
    try run.run(target)
    // Otherwise the cases show nothing.
    #expect(run.taken > 0 && run.taken < run.cases, "\(run.taken) of \(run.cases) taken")
    guard case .seconds(let seconds)? = length else { return }
    let rate = Int(Double(run.cases) / seconds)
    print(
      "fuzz: \(target.name): \(run.cases) cases, \(rate) a second, \(run.taken) taken, "
        + "the slowest in \(Int(run.slowest * 1000)) ms")
  }

  private func setting(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }
}
