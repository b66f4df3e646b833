import Configuration
import EventLoop

/// Asks servers of the Internet through one exit, until one of them answers: each when the one before it failed or
/// kept silent for its part of the first half of the time.
final class ThroughRound {
  enum Outcome {
    case answered(TCPTarget, Duration)
    case lost(problem: String)
    /// None of them could even be asked.
    case notSent(problem: String)
    /// This host had nothing left to ask with.
    case unasked(problem: String)
  }

  private let loop: EventLoop
  private let targets: [TCPTarget]
  private let local: LocalEnd
  private let timeout: Duration
  private let deadline: MonotonicTime
  private var report: ((ThroughRound, Outcome) -> Void)?
  private var probes: [ConnectProbe] = []
  private var timer: EventSource?
  private var isAnySent = false
  private var isShort = false
  /// Why those that have ended failed.
  private var problems: [String] = []

  /// - Parameters:
  ///   - targets: at least one, in the order in which they are asked.
  ///   - report: called once, from the loop, with the round that ended; it may release it.
  init(
    on loop: EventLoop, to targets: [TCPTarget], from local: LocalEnd, timeout: Duration,
    report: @escaping (ThroughRound, Outcome) -> Void
  ) throws(EventLoopError) {
    self.loop = loop
    self.targets = targets
    self.local = local
    self.timeout = timeout
    self.report = report
    deadline = loop.now + timeout
    timer = try loop.onTrigger { [unowned self] in askNext() }
    timer?.trigger()
  }

  deinit { cancel() }

  /// No outcome comes after this.
  func cancel() {
    report = nil
    timer?.cancel()
    for probe in probes { probe.cancel() }
    probes = []
  }

  private func askNext() {
    guard probes.count < targets.count else { return }
    let target = targets[probes.count]
    let options = ConnectProbe.Options(timeout: max(.milliseconds(1), deadline - loop.now), from: local)
    do throws(EventLoopError) {
      let address = ConnectProbe.Target(address: target.address.description, port: target.port)
      probes.append(
        try ConnectProbe(on: loop, to: address, options) { [unowned self] in answered(target, $0) })
      try timer?.rearm(after: timeout / (2 * targets.count))
    } catch {
      let problem = "asking \(target): \(error)"
      finish(error.isShortage ? .unasked(problem: problem) : .notSent(problem: problem))
    }
  }

  private func answered(_ target: TCPTarget, _ outcome: ConnectProbe.Outcome) {
    switch outcome {
    case .connected(let took): return finish(.answered(target, took))
    case .failed(let failure):
      isAnySent = true
      problems.append("\(target) does not answer: \(failure)")
    case .notSent(let error):
      if error.isShortage { isShort = true }
      problems.append("\(target) cannot be asked: \(error)")
    }
    if problems.count == targets.count {
      let problem = problems.joined(separator: "; ")
      finish(
        isAnySent
          ? .lost(problem: problem) : isShort ? .unasked(problem: problem) : .notSent(problem: problem))
    } else if problems.count == probes.count {
      timer?.trigger()
    }
  }

  /// The report may release this round.
  private func finish(_ outcome: Outcome) {
    let report = report
    cancel()
    report?(self, outcome)
  }
}
