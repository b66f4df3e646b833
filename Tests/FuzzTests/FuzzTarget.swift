import Glibc
import TestPeers
import Testing

/// A reader of what strangers write.
struct FuzzTarget: Sendable, CustomTestStringConvertible {
  enum Outcome { case taken, refused }

  /// Looks at one input. Throws when something holds that must not; a refusal is none of these.
  typealias Check = (_ input: [UInt8], _ random: inout SplitMix) throws -> Outcome

  let name: String
  /// Good documents.
  let corpus: @Sendable () throws -> [[UInt8]]
  var words: [String] = []
  /// Puts right, for most inputs, what would have them all refused at once.
  var mend: @Sendable (inout [UInt8], inout SplitMix) -> Void = { _, _ in }
  /// Breaks a document instead of the mutator, for readers that lean on an order that is always there.
  var breaking: (@Sendable (inout [UInt8], inout SplitMix) -> Void)?
  /// Anew for each run, in the thread of the run.
  let check: @Sendable () throws -> Check

  var testDescription: String { name }
}

/// A broken promise.
struct Finding: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

func promise(_ holds: Bool, _ what: @autoclosure () -> String) throws {
  guard holds else { throw Finding(what()) }
}

/// One target's run.
struct FuzzRun {
  enum Length {
    case cases(Int)
    case seconds(Double)
  }

  /// Of processor time, for one input of at most 64 KiB. Code that is not optimised, or runs under a sanitizer, gets more.
  #if DEBUG
    static let patience = 3.0
  #else
    static let patience = 0.1
  #endif

  let seed: UInt64
  let length: Length
  private(set) var cases = 0
  private(set) var taken = 0
  private(set) var slowest = 0.0

  init(seed: UInt64, length: Length) {
    self.seed = seed
    self.length = length
  }

  /// The good documents first, as they are; then broken ones.
  mutating func run(_ target: FuzzTarget) throws {
    let corpus = try target.corpus()
    let words = target.words.map { Array($0.utf8) }
    let check = try target.check()
    for document in corpus {
      var random = SplitMix(seed: seed)
      let outcome = try check(document, &random)
      try promise(outcome == .taken, "\(target.name): a good document is refused: \(shown(document))")
    }
    let start = seconds(CLOCK_MONOTONIC)
    while isWithin(start) {
      let number = seed &+ UInt64(cases) &* 0xd134_2543_de82_ef95
      var mutator = Mutator(random: SplitMix(seed: number), corpus: corpus, words: words)
      var input: [UInt8]
      if let breaking = target.breaking {
        input = corpus.randomElement(using: &mutator.random) ?? []
        breaking(&input, &mutator.random)
      } else {
        input = mutator.input()
      }
      target.mend(&input, &mutator.random)
      Crash.note(target.name, case: cases)
      let before = seconds(CLOCK_THREAD_CPUTIME_ID)
      do {
        if try check(input, &mutator.random) == .taken { taken += 1 }
      } catch {
        throw Finding("\(target.name), seed \(seed), case \(cases): \(error); input \(shown(input))")
      }
      let took = seconds(CLOCK_THREAD_CPUTIME_ID) - before
      slowest = max(slowest, took)
      try promise(
        took <= Self.patience,
        "\(target.name), seed \(seed), case \(cases): \(took) s for \(input.count) octets: \(shown(input))")
      cases += 1
    }
  }

  private func isWithin(_ start: Double) -> Bool {
    switch length {
    case .cases(let most): cases < most
    case .seconds(let most): seconds(CLOCK_MONOTONIC) - start < most
    }
  }
}

private func seconds(_ clock: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// In hexadecimal digits, so that it can be had again.
func shown(_ bytes: [UInt8]) -> String {
  bytes.prefix(1500).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    + (bytes.count > 1500 ? "…" : "")
}
