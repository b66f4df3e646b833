import Configuration
import EventLoop
import Model
import Reconciliation

/// Asks servers of the Internet through each exit, whether it carries traffic or not, by the exit's own way.
final class EndToEndProber {
  /// What came of a question, for the exit of that place among the checked ones.
  enum Event {
    case through(ThroughRound.Outcome)
    case address(AddressRound.Outcome)
  }

  private struct Target {
    let mark: UInt32
    var rounds: [ThroughRound] = []
    /// The server that answered last is asked first.
    var servers: [TCPTarget]
    var address: AddressRound?
    /// Rounds until the public address is asked for.
    var addressDue = 0
  }

  /// An exit's public address changes seldom, and the server that tells it is somebody's.
  private static let addressRounds = 10
  /// Rounds of one exit that are under way together, whatever `timeout` and `interval` are.
  private static let mostRounds = 16

  private let loop: EventLoop
  private let settings: ProbeSettings
  private let egressIP: IPAddress
  private let report: (_ exit: Int, Event) -> Void
  private var targets: [Target]

  init(
    on loop: EventLoop, _ gateway: GatewaySettings, report: @escaping (_ exit: Int, Event) -> Void
  ) {
    self.loop = loop
    self.report = report
    settings = gateway.probe
    egressIP = gateway.egressIP
    targets = gateway.checkedExits.map { Target(mark: $0.mark, servers: gateway.probe.through) }
  }

  /// No outcome comes of what was asked so far.
  func close() {
    for place in targets.indices {
      for round in targets[place].rounds { round.cancel() }
      targets[place].rounds = []
      targets[place].address = nil
      targets[place].addressDue = 0
    }
  }

  /// One round of questions through each of those exits.
  func ask(_ exits: [Int], through link: InterfaceName) {
    for place in exits where targets.indices.contains(place) {
      let local = LocalEnd(source: egressIP.description, device: link.text, mark: targets[place].mark)
      if !settings.through.isEmpty { askServers(place, local) }
      if let check = settings.publicAddress { askAddress(place, check, local) }
    }
  }

  // MARK: Through

  private func askServers(_ place: Int, _ local: LocalEnd) {
    // Answers may take longer than an interval; each round is owed its time.
    let rounds = Int((settings.timeout / settings.interval).rounded(.up)) + 1
    guard targets[place].rounds.count < min(rounds, Self.mostRounds) else { return }
    do throws(EventLoopError) {
      targets[place].rounds.append(
        try ThroughRound(on: loop, to: targets[place].servers, from: local, timeout: settings.timeout) {
          [unowned self] round, outcome in
          targets[place].rounds.removeAll { $0 === round }
          if case .answered(let server, _) = outcome { prefer(server, place) }
          report(place, .through(outcome))
        })
    } catch {
      report(place, .through(.notSent(problem: "\(error)")))
    }
  }

  private func prefer(_ server: TCPTarget, _ place: Int) {
    guard targets[place].servers.first != server else { return }
    targets[place].servers.removeAll { $0 == server }
    targets[place].servers.insert(server, at: 0)
  }

  // MARK: Public address

  private func askAddress(_ place: Int, _ check: PublicAddressCheck, _ local: LocalEnd) {
    guard targets[place].address == nil else { return }
    targets[place].addressDue -= 1
    // Until it is seen as expected it is asked for with every round.
    guard targets[place].addressDue <= 0 else { return }
    do throws(EventLoopError) {
      targets[place].address = try AddressRound(on: loop, check, from: local, timeout: settings.timeout) {
        [unowned self] outcome in
        targets[place].address = nil
        if case .seen = outcome { targets[place].addressDue = Self.addressRounds }
        report(place, .address(outcome))
      }
    } catch {
      report(place, .address(.notSent(problem: "\(error)")))
    }
  }
}
