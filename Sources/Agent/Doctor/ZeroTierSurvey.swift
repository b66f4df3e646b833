import Configuration
import Doctor
import EventLoop
import Glibc
import Model
import Report
import ZeroTier

/// Asks ZeroTier's API about the network, the node, the exits' nodes, and what else was joined.
final class ZeroTierSurvey {
  private let settings: ZeroTierClient.Settings
  private let exits: [Exit]

  init(_ configuration: AgentConfiguration) {
    settings = ZeroTierClient.Settings(configuration.zerotier)
    exits = if case .gateway(let gateway) = configuration.role { gateway.exits } else { [] }
  }

  /// Nil: it could not even be asked.
  func poll() throws -> ZeroTierPoll? {
    let loop = try EventLoop()
    let client = try ZeroTierClient(on: loop, settings)
    var answer: ZeroTierPoll?
    let isAsked = client.poll(peers: exits.compactMap(\.nodeID)) { poll in
      answer = poll
      loop.stop()
    }
    guard isAsked else { return nil }
    try withExtendedLifetime(client) { try loop.run() }
    return answer
  }

  func reading(_ poll: ZeroTierPoll?) throws -> Reading<ZeroTierReading> {
    guard let poll else { return .unknown("ZeroTier was not asked") }
    var reading = ZeroTierReading()
    if case .failure(let failure) = poll.network {
      if case .tokenUnreadable(let path, let error) = failure, error.rawValue == EACCES, geteuid() != 0 {
        return .unknown("needs root: \(path) cannot be read")
      }
      reading.problem = Finding(
        code: "zerotier-api-\(failure.kind)", message: failure.message, remedy: failure.remedy)
      return .known(reading)
    }
    if case .success(let node) = poll.node {
      reading.node = .init(address: node.address, isOnline: node.online, version: node.version)
    }
    if case .success(.joined(let report)) = poll.network { reading.network = .init(report) }
    reading.joined = try joined()
    reading.peers = exits.compactMap { exit in
      exit.nodeID.flatMap { poll.peers[$0] }.map { .init(exit.name, $0) }
    }
    return .known(reading)
  }

  /// Without what is listed and cannot be read.
  private func joined() throws -> [ZeroTierReading.Network]? {
    guard case .success(let reports) = try NetworkList(on: EventLoop(), settings).ask() else { return nil }
    return reports.map { .init($0) }
  }
}

extension ZeroTierReading.Network {
  fileprivate init(_ report: NetworkReport) {
    let hasDefault = report.routes.contains { $0.via != nil && $0.target.prefixLength <= 1 }
    self.init(
      id: report.id, name: report.name, status: report.status.text, interface: report.interface,
      mtu: report.mtu, mayTakeDefault: report.allowDefault || hasDefault)
    let isPublic = report.assignedAddresses.contains { assigned in
      assigned.address.family == .ipv4
        && !CloudSettings.privateDestinations.contains { $0.contains(assigned.address) }
    }
    withholding = !report.allowManaged ? .managed : isPublic && !report.allowGlobal ? .global : nil
  }
}

extension ZeroTierReading.Peer {
  fileprivate init(_ exit: String, _ answer: Result<PeerReport?, APIFailure>) {
    switch answer {
    case .success(let report?):
      let path: Path =
        if case .direct(let address, let port) = report.path { .direct("\(address):\(port)") } else { .none }
      self.init(exit: exit, path: path, version: report.version)
    case .success(nil): self.init(exit: exit, path: .unknown("is no node that ZeroTier knows"))
    case .failure(let failure):
      self.init(exit: exit, path: .unknown("cannot be asked about: \(failure.message)"))
    }
  }
}
