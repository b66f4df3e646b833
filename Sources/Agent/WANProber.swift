import Configuration
import EventLoop
import Model
import Reconciliation

/// Asks every interval whether the Internet answers through the WAN: all targets at once, and the first to answer
/// ends the round. What comes of it is for the status; it closes nothing.
final class WANProber {
  /// What is probed through. A carrier that came or went makes another way of it.
  struct Way: Equatable {
    let name: InterfaceName
    let hasCarrier: Bool
  }

  private let loop: EventLoop
  private let settings: CloudProbeSettings
  private let log: Log
  /// Told after each round.
  private let report: () -> Void
  private(set) var health = WANHealth()
  private var way: Way?
  private var timer: EventSource?
  private var startedAt = MonotonicTime(nanoseconds: 0)
  /// Of this round, those that are under way.
  private var probes: [CloudProbeTarget: ConnectProbe] = [:]
  private var failures: [CloudProbeTarget: String] = [:]

  init(
    on loop: EventLoop, _ settings: CloudProbeSettings, _ log: Log, report: @escaping () -> Void
  ) throws(EventLoopError) {
    self.loop = loop
    self.settings = settings
    self.log = log
    self.report = report
    timer = try loop.onTrigger { [unowned self] in begin() }
  }

  /// What was learnt through another way is void; nil: there is none.
  func follow(_ way: Way?) {
    guard way != self.way else { return }
    self.way = way
    health = WANHealth()
    probes = [:]
    if way != nil { timer?.trigger() }
  }

  private func begin() {
    guard let way else { return }
    startedAt = loop.now
    failures = [:]
    let options = ConnectProbe.Options(timeout: settings.timeout, from: LocalEnd(device: way.name.text))
    for target in settings.targets {
      do throws(EventLoopError) {
        probes[target] = try ConnectProbe(
          on: loop, to: .init(address: "\(target.address)", port: target.port), options
        ) { [unowned self] in take($0, of: target) }
      } catch {
        failures[target] = "\(error)"
      }
    }
    if probes.isEmpty { end(.unanswered(problem)) }
  }

  private func take(_ outcome: ConnectProbe.Outcome, of target: CloudProbeTarget) {
    probes[target] = nil
    switch outcome {
    case .connected(let time): return end(.answered(time))
    case .failed(let failure): failures[target] = "\(failure)"
    case .notSent(let error): failures[target] = "not sent: \(error)"
    }
    if probes.isEmpty { end(.unanswered(problem)) }
  }

  private var problem: String {
    settings.targets.compactMap { target in failures[target].map { "\(target): \($0)" } }
      .joined(separator: "; ")
  }

  /// Rounds do not overlap: the next begins an interval after this one began, or now.
  private func end(_ round: WANHealth.Round) {
    probes = [:]
    health.take(round, failAfter: settings.failAfter, recoverAfter: settings.recoverAfter)
    do throws(EventLoopError) {
      try timer?.rearm(after: max(.zero, settings.interval - (loop.now - startedAt)))
    } catch {
      log.write(.error, "the timer of cloud.probe failed: \(error)")
    }
    report()
  }
}
