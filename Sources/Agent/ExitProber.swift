import Configuration
import EventLoop
import Kernel
import Model
import Reconciliation

/// Probes every exit each interval, whether it carries traffic or not, from the egress IP through the tunnel's link:
/// by ICMP echo, and, if the configuration asks for it, end to end. It reports what came of each; what that means is
/// `ExitHealth`'s business.
final class ExitProber {
  typealias Report = (_ exit: String, ExitHealth.Check, ExitHealth.Input) -> Void

  private struct Target {
    let exit: Exit
    /// Of the sockets that are routed through this exit; nil without end-to-end checks.
    let mark: UInt32?
    var through: [ThroughRound] = []
    var publicAddress: AddressRound?
    /// Rounds until the public address is asked for.
    var addressDue = 0
  }

  /// While nothing is known of any exit, probes go out faster: traffic waits for the first answer.
  private static let eagerInterval = Duration.milliseconds(200)
  /// An exit's public address changes seldom, and the server that tells it is somebody's.
  private static let addressRounds = 10
  /// A round that takes longer than an interval does not hold up the next.
  private static let openRounds = 2

  private let loop: EventLoop
  private let settings: ProbeSettings
  private let egressIP: IPAddress
  private let log: Log
  private let report: Report
  private var targets: [Target]
  private var places: [String: Int] = [:]
  private var sending: EventSource?
  private var echo: EchoProber?
  /// What is probed through, and the networks that it is in.
  private var tunnel: Tunnel?
  private var networks: [CIDR] = []
  /// In the targets' order.
  private var records: [ExitRecord]

  /// Nothing is known of any exit.
  var isEager = true { didSet { if isEager && !oldValue { probeNow() } } }

  init(on loop: EventLoop, _ gateway: GatewaySettings, _ log: Log, report: @escaping Report)
    throws(EventLoopError)
  {
    self.loop = loop
    self.log = log
    self.report = report
    settings = gateway.probe
    egressIP = gateway.egressIP
    let marks = gateway.checkedExits.map(\.mark)
    targets = gateway.exits.enumerated().map { place, exit in
      Target(exit: exit, mark: marks.isEmpty ? nil : marks[place])
    }
    records = targets.map { _ in ExitRecord() }
    for (place, target) in targets.enumerated() { places[target.exit.name] = place }
    sending = try loop.onTrigger { [unowned self] in sendAll() }
    echo = try EchoProber(
      on: loop, from: egressIP, to: gateway.exits.map(\.address), timeout: settings.timeout, log
    ) { [unowned self] in echoed($0, $1) }
  }

  /// - Parameters:
  ///   - tunnel: up and with the egress IP on it; nil: there is none to probe through.
  ///   - networks: the tunnel's, in which an exit has to be; empty: not known.
  func follow(_ tunnel: Tunnel?, in networks: [CIDR]) {
    self.networks = networks
    guard tunnel != self.tunnel else { return }
    self.tunnel = tunnel
    echo?.close()
    for place in targets.indices {
      targets[place].through = []
      targets[place].publicAddress = nil
      targets[place].addressDue = 0
      records[place].forgetPath()
    }
    schedule(after: tunnel == nil ? settings.interval : .zero)
  }

  func record(of exit: String) -> ExitRecord? { places[exit].map { records[$0] } }

  /// Why that exit is not known to work; nil if it is.
  func problem(of exit: String) -> String? { places[exit].flatMap { records[$0].problem } }

  /// Something suggests that the next probe may find another answer than the last.
  func probeNow() { if tunnel != nil { schedule(after: .zero) } }

  /// Why that exit is not reachable by the tunnel's own networks; nil if it is, or if they are not known.
  static func outsideProblem(_ exit: Exit, of networks: [CIDR]) -> String? {
    guard !networks.isEmpty, !networks.contains(where: { $0.contains(exit.address) }) else { return nil }
    let known = networks.map(\.description).joined(separator: ", ")
    return "\(exit.address) is outside the tunnel's networks: \(known)"
  }

  private func schedule(after delay: Duration) {
    do throws(EventLoopError) { try sending?.rearm(after: delay) } catch {
      log.write(.error, "the probes' timer failed: \(error)")
    }
  }

  private func sendAll() {
    guard let tunnel else { return }
    schedule(after: isEager ? min(Self.eagerInterval, settings.interval) : settings.interval)
    var reachable: [Int] = []
    for place in targets.indices {
      if let problem = Self.outsideProblem(targets[place].exit, of: networks) {
        note(place, .echo, .notSent, problem)
      } else {
        reachable.append(place)
      }
    }
    echo?.send(to: reachable, through: tunnel.name)
    guard settings.isEndToEnd else { return }
    for place in reachable {
      let local = LocalEnd(
        source: egressIP.description, device: tunnel.name.text, mark: targets[place].mark)
      if !settings.through.isEmpty { askThrough(place, local) }
      if let check = settings.publicAddress { askAddress(place, check, local) }
    }
  }

  /// Every result ends here.
  private func note(
    _ place: Int, _ check: ExitHealth.Check, _ input: ExitHealth.Input, _ problem: String? = nil
  ) {
    records[place][problemOf: check] = problem
    if check == .echo { records[place].note(input) }
    report(targets[place].exit.name, check, input)
  }

  // MARK: Echo

  private func echoed(_ place: Int, _ event: EchoProber.Event) {
    switch event {
    case .answered(let took):
      records[place].roundTrip = took
      note(place, .echo, .answered)
    case .lost: note(place, .echo, .lost, records[place].lossProblem(settings.timeout))
    case .late(let took): records[place].noteLate(took)
    case .duplicate: records[place].duplicates += 1
    case .notSent(let error): note(place, .echo, .notSent, "\(error)")
    }
  }

  // MARK: End to end

  private func askThrough(_ place: Int, _ local: LocalEnd) {
    guard targets[place].through.count < Self.openRounds else { return }
    do throws(EventLoopError) {
      var made: ThroughRound?
      made = try ThroughRound(on: loop, to: settings.through, from: local, timeout: settings.timeout) {
        [unowned self] outcome in
        targets[place].through.removeAll { $0 === made }
        made = nil
        switch outcome {
        case .answered(_, let took):
          records[place].throughTime = took
          note(place, .through, .answered)
        case .lost(let problem): note(place, .through, .lost, problem)
        case .notSent(let problem): note(place, .through, .notSent, problem)
        }
      }
      if let made { targets[place].through.append(made) }
    } catch {
      note(place, .through, .notSent, "\(error)")
    }
  }

  private func askAddress(_ place: Int, _ check: PublicAddressCheck, _ local: LocalEnd) {
    guard targets[place].publicAddress == nil else { return }
    targets[place].addressDue -= 1
    guard targets[place].addressDue <= 0 else { return }
    // Until it is seen as expected it is asked for with every round.
    targets[place].addressDue = 0
    do throws(EventLoopError) {
      targets[place].publicAddress = try AddressRound(
        on: loop, check, from: local, timeout: settings.timeout
      ) { [unowned self] in addressAnswered(place, $0) }
    } catch {
      note(place, .publicAddress, .notSent, "\(error)")
    }
  }

  private func addressAnswered(_ place: Int, _ outcome: AddressRound.Outcome) {
    targets[place].publicAddress = nil
    switch outcome {
    case .seen(let address):
      targets[place].addressDue = Self.addressRounds
      records[place].seenAddress = address
      note(place, .publicAddress, .answered)
    case .lost(let seen, let problem):
      records[place].seenAddress = seen
      note(place, .publicAddress, .lost, problem)
    case .notSent(let problem): note(place, .publicAddress, .notSent, problem)
    }
  }
}
