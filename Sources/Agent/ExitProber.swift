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

  /// While nothing is known of any exit, probes go out faster: traffic waits for the first answer.
  private static let eagerInterval = Duration.milliseconds(200)
  private let loop: EventLoop
  private let settings: ProbeSettings
  private let log: Log
  private let report: Report
  private let exits: [Exit]
  private var places: [String: Int] = [:]
  private var sending: EventSource?
  private var echo: EchoProber?
  private var endToEnd: EndToEndProber?
  /// What is probed through, and the networks that it is in.
  private var tunnel: Tunnel?
  private var networks: [CIDR] = []
  /// In the exits' order.
  private var records: [ExitRecord]

  /// Nothing is known of any exit.
  var isEager = true { didSet { if isEager && !oldValue { probeNow() } } }

  /// - Parameter knowing: what an earlier prober counted of exits, by their addresses.
  init(
    on loop: EventLoop, _ gateway: GatewaySettings, _ log: Log, knowing: [IPAddress: ExitRecord] = [:],
    report: @escaping Report
  ) throws(EventLoopError) {
    self.loop = loop
    self.log = log
    self.report = report
    settings = gateway.probe
    exits = gateway.exits
    records = exits.map { knowing[$0.address] ?? ExitRecord() }
    for (place, exit) in exits.enumerated() { places[exit.name] = place }
    sending = try loop.onTrigger { [unowned self] in sendAll() }
    echo = try EchoProber(
      on: loop, from: gateway.egressIP, to: exits.map(\.address), timeout: settings.timeout, log
    ) { [unowned self] in echoed($0, $1) }
    if settings.isEndToEnd {
      endToEnd = EndToEndProber(on: loop, gateway) { [unowned self] in answered($0, $1) }
    }
  }

  /// - Parameters:
  ///   - tunnel: up and with the egress IP on it; nil: there is none to probe through.
  ///   - networks: the tunnel's, in which an exit has to be; empty: not known.
  func follow(_ tunnel: Tunnel?, in networks: [CIDR]) {
    self.networks = networks
    guard tunnel != self.tunnel else { return }
    self.tunnel = tunnel
    echo?.close()
    endToEnd?.close()
    for place in records.indices { records[place].forgetPath() }
    schedule(after: tunnel == nil ? settings.interval : .zero)
  }

  /// What was counted of those exits, by their addresses.
  func records(of wanted: [Exit]) -> [IPAddress: ExitRecord] {
    let known = exits.enumerated().filter { wanted.map(\.address).contains($0.element.address) }
    return Dictionary(
      known.map { ($0.element.address, records[$0.offset]) }, uniquingKeysWith: { first, _ in first })
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
    for (place, exit) in exits.enumerated() {
      if let problem = Self.outsideProblem(exit, of: networks) {
        note(place, .echo, .notSent, problem)
      } else {
        reachable.append(place)
      }
    }
    echo?.send(to: reachable, through: tunnel.name)
    endToEnd?.ask(reachable, through: tunnel.name)
  }

  /// Every result ends here.
  private func note(
    _ place: Int, _ check: ExitHealth.Check, _ input: ExitHealth.Input, _ problem: String? = nil
  ) {
    if input == .unasked, let problem, records[place][problemOf: check] != problem {
      log.write(.error, "an exit cannot be asked: \(problem)", [("exit", exits[place].name)])
    }
    records[place][problemOf: check] = problem
    records[place].note(check, isAsked: input != .unasked)
    report(exits[place].name, check, input)
  }

  // MARK: Echo

  private func echoed(_ place: Int, _ event: EchoProber.Event) {
    switch event {
    case .answered(let took):
      records[place].noteAnswer(took)
      note(place, .echo, .answered)
    case .lost:
      records[place].noteLoss()
      note(place, .echo, .lost, records[place].lossProblem(settings.timeout))
    case .late(let took): records[place].noteLate(took)
    case .duplicate: records[place].duplicates += 1
    case .notSent(let error): note(place, .echo, error.isShortage ? .unasked : .notSent, "\(error)")
    }
  }

  // MARK: End to end

  private func answered(_ place: Int, _ event: EndToEndProber.Event) {
    switch event {
    case .through(.answered(_, let took)):
      records[place].throughTime = took
      note(place, .through, .answered)
    case .through(.lost(let problem)): note(place, .through, .lost, problem)
    case .through(.notSent(let problem)): note(place, .through, .notSent, problem)
    case .through(.unasked(let problem)): note(place, .through, .unasked, problem)
    case .address(.seen(let address)):
      records[place].seenAddress = address
      note(place, .publicAddress, .answered)
    case .address(.other(let address, let problem)):
      records[place].seenAddress = address
      note(place, .publicAddress, .lost, problem)
    case .address(.lost(let problem)):
      // Whether the Internet answers is what `through` asks. One silent server of somebody's is no reason to doubt an
      // address that was seen.
      if settings.through.isEmpty || records[place].seenAddress == nil {
        note(place, .publicAddress, .lost, problem)
      } else {
        records[place][problemOf: .publicAddress] = problem
      }
    case .address(.notSent(let problem)): note(place, .publicAddress, .notSent, problem)
    case .address(.unasked(let problem)): note(place, .publicAddress, .unasked, problem)
    }
  }
}
