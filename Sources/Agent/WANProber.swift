import Configuration
import EventLoop
import Model
import Reconciliation

/// Asks every interval whether the Internet answers through the WAN. What comes of it is for the status; it closes
/// nothing.
final class WANProber {
  /// What is probed through. A carrier that came or went makes another way of it.
  struct Way: Equatable {
    let name: InterfaceName
    let hasCarrier: Bool
  }

  private let loop: EventLoop
  private let settings: ProbeSettings
  private let log: Log
  /// Told after each round.
  private let report: () -> Void
  private(set) var health = ProbeHealth()
  /// Of the last round, if that was answered.
  private(set) var roundTrip: Duration?
  /// Of the last round, if that was not.
  private(set) var problem: String?
  /// nil before enough is known.
  var answers: Bool? {
    switch health.state {
    case .unknown: nil
    case .healthy, .suspect: true
    case .unhealthy: false
    }
  }

  private var way: Way?
  private var timer: EventSource?
  private var round: ThroughRound?

  init(on loop: EventLoop, _ settings: ProbeSettings, _ log: Log, report: @escaping () -> Void)
    throws(EventLoopError)
  {
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
    health.take(.pathChanged, settings)
    (round, roundTrip, problem) = (nil, nil, nil)
    if way != nil { timer?.trigger() }
  }

  private func begin() {
    guard let way else { return }
    do throws(EventLoopError) {
      // Rounds do not overlap: one that outlasts the interval is let end.
      try timer?.rearm(after: settings.interval)
      guard round == nil else { return }
      let local = LocalEnd(device: way.name.text)
      round = try ThroughRound(on: loop, to: settings.through, from: local, timeout: settings.timeout) {
        [unowned self] in ended($1)
      }
    } catch {
      log.write(.error, "asking for cloud.probe failed: \(error)")
    }
  }

  private func ended(_ outcome: ThroughRound.Outcome) {
    round = nil
    switch outcome {
    case .answered(_, let took):
      (roundTrip, problem) = (took, nil)
      health.take(.answered, settings)
    case .lost(let why):
      (roundTrip, problem) = (nil, why)
      health.take(.lost, settings)
    case .notSent(let why):
      (roundTrip, problem) = (nil, why)
      health.take(.notSent, settings)
    case .unasked(let why):
      (roundTrip, problem) = (nil, why)
      health.take(.unasked, settings)
    }
    report()
  }
}
