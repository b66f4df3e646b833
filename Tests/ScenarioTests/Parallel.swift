import Foundation
import Lab
import Synchronization

/// Does `body` for each number below `count`, all at the same time and each on a thread of its own: they wait most
/// of the time. Hands back what they made, in order. What is to be expected of it is for the test's own thread to
/// say: the testing library does not know the others.
func inParallel<Result: Sendable>(
  _ count: Int, _ body: @escaping @Sendable (Int) throws -> Result
) throws -> [Result] {
  let results = Mutex<[Int: Swift.Result<Result, LabError>]>([:])
  let all = DispatchGroup()
  for index in 0..<count {
    all.enter()
    Thread.detachNewThread {
      let result: Swift.Result<Result, LabError>
      do { result = .success(try body(index)) } catch {
        result = .failure(LabError("running part \(index)", "\(error)"))
      }
      results.withLock { $0[index] = result }
      all.leave()
    }
  }
  all.wait()
  return try results.withLock { results in try (0..<count).compactMap { try results[$0]?.get() } }
}

/// A distribution in one line: `50 times: min 601 ms, median 683 ms, p90 760 ms, p99 801 ms, max 801 ms`.
func spread(_ times: [Duration]) -> String {
  let sorted = times.sorted()
  guard let first = sorted.first, let last = sorted.last else { return "never" }
  func text(_ time: Duration) -> String { "\(Int((time.seconds * 1000).rounded())) ms" }
  func share(_ share: Double) -> Duration { sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] }
  return "\(sorted.count) times: min \(text(first)), median \(text(share(0.5))), p90 \(text(share(0.9))), "
    + "p99 \(text(share(0.99))), max \(text(last))"
}
