import Configuration
import EventLoop
import Kernel
import Model
import Reconciliation
import Report
import ZeroTier

/// Finds out for one pass what a daemon knows all the time: asks ZeroTier once and sends each exit one probe.
final class SituationSurvey {
  private let configuration: AgentConfiguration
  private let log: Log
  private let loop: EventLoop
  private var situation = Situation()
  private var prober: ExitProber?
  private var deadline: EventSource?
  private var asked: Set<Asked> = []
  private let prepare: (Situation) throws -> Void
  private var failure: (any Error)?

  /// - Parameter prepare: called before exits are probed; end-to-end checks need the agent's own routes.
  init(
    _ configuration: AgentConfiguration, _ log: Log, prepare: @escaping (Situation) throws -> Void = { _ in }
  ) throws {
    self.configuration = configuration
    self.log = log
    self.prepare = prepare
    loop = try EventLoop()
  }

  /// - Parameters:
  ///   - formerNetwork: of the last run, whose open tunnel may be taken over.
  ///   - pinned: the exit that a person chose, if any.
  func run(_ kernel: Kernel, formerNetwork: ZeroTierNetworkID?, pinned: String?) throws -> Situation {
    situation.inherit(from: kernel, configuration, formerNetwork: formerNetwork, log)
    situation.pin(pinned, configuration, log)
    let client = try ZeroTierClient(on: loop, .init(configuration.zerotier))
    _ = client.poll { [unowned self] poll in
      _ = situation.take(poll)
      situation.rememberNetworks(configuration.zerotier)
      probe()
    }
    try loop.run()
    prober = nil
    if let failure { throw failure }
    if case .gateway(let gateway) = configuration.role {
      // Once, when all have answered or had their time: the first to answer need not be the preferred one.
      situation.chooseExits(gateway, now: loop.now.sinceBoot)
    }
    return situation
  }

  private func probe() {
    guard case .gateway(let gateway) = configuration.role,
      let tunnel = situation.probeTunnel(configuration.zerotier, gateway)
    else { return loop.stop() }
    do {
      try prepare(situation)
      let made = try ExitProber(on: loop, gateway, log) { [unowned self] exit, check, input in
        probed(exit, check, input, gateway)
      }
      prober = made
      deadline = try loop.after(gateway.probe.timeout + .milliseconds(500)) { [unowned self] in loop.stop() }
      made.follow(tunnel, in: situation.tunnelNetworks(configuration.zerotier))
    } catch {
      failure = error
      loop.stop()
    }
  }

  /// Every check of every exit is waited for: the preferred one may not be the quickest.
  private func probed(
    _ exit: String, _ check: ExitHealth.Check, _ input: ExitHealth.Input, _ gateway: GatewaySettings
  ) {
    guard asked.insert(Asked(exit: exit, check: check)).inserted else { return }
    _ = situation.take(input, from: check, of: exit, gateway.probe)
    situation.exitProblems[exit] = prober?.problem(of: exit)
    let checks = ExitHealth(gateway.probe).checks.count
    if asked.count == gateway.exits.count * checks { loop.stop() }
  }

  private struct Asked: Hashable {
    let exit: String
    let check: ExitHealth.Check
  }
}

extension Situation {
  /// Takes up what a former run left open, if it was for the same network, and what the kernel says of links.
  mutating func inherit(
    from kernel: Kernel, _ configuration: AgentConfiguration, formerNetwork: ZeroTierNetworkID?, _ log: Log
  ) {
    let question: Question =
      switch configuration.role {
      case .gateway(let gateway): Question([.links, .addresses, .routes], tables: [gateway.routingTable])
      case .cloud: Question([.links, .addresses, .mainDefaults, .nftables])
      }
    // A part that cannot be read leaves nothing to take over, and is no reason not to guard.
    let reader = Reconciler(kernel, as: .onlooker)
    let (found, errors) = reader.read(question)
    for error in errors { log.write(.warning, "looking for what a former run left: \(error)") }
    take(found)
    defer { rememberNetworks(configuration.zerotier) }
    guard formerNetwork == configuration.zerotier.networkID,
      let inheritance = Inheritance(configuration, found)
    else { return }
    word = .inherited
    reportedInterface = inheritance.interface
    choice = ExitChoice(inherited: inheritance.exits)
  }

  /// Takes what ZeroTier said; no word is not a word, so what was last said for certain stands. True: the path to a
  /// peer is another.
  mutating func take(_ poll: ZeroTierPoll) -> Bool {
    switch poll.network {
    case .success(let answer):
      apiFailure = nil
      take(answer)
    case .failure(let failure): apiFailure = failure
    }
    let node = try? poll.node.get()
    if let node { isOnline = node.online }
    return take(peers: poll.peers, clock: node?.clock)
  }

  private mutating func take(_ answer: NetworkAnswer) {
    switch answer {
    case .notJoined:
      word = .notJoined
      report = nil
    case .joined(let report):
      word = report.status == .ok ? .ok : .status(report.status.text)
      self.report = report
      reportedInterface = report.interface ?? reportedInterface
    }
  }

  /// As a running daemon tells it.
  init(_ status: AgentStatus, _ configuration: AgentConfiguration, _ observed: ObservedState) {
    take(observed)
    reportedInterface = status.zerotier.interface
    switch status.zerotier.networkStatus {
    case nil: word = status.tunnelUp ? .inherited : .none
    case "OK": word = .ok
    case "NOT_JOINED": word = .notJoined
    case let text?: word = .status(text)
    }
    choice = ExitChoice(active: status.exits.filter(\.active).map(\.name))
    rememberNetworks(configuration.zerotier)
  }
}
