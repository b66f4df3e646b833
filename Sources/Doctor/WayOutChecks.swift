import Configuration
import Model
import Reconciliation
import Report

// From the tunnel to the Internet.

extension HostObservations {
  var exitNetworksJudgement: Judgement {
    tunnel.judged { tunnel in
      guard let first = tunnel.strangers.first else {
        return .passed("the tunnel's networks have all of them")
      }
      return .failed(.exitOutside(first.exit, first.problem))
    }
  }

  /// One answers: traffic flows; the others are for the day when it does not.
  var exitsJudgement: Judgement {
    exits.judged { exits in
      let silent = exits.filter { $0.roundTrip == nil }
      let answers = exits.compactMap { exit in
        exit.roundTrip.map { "\(exit.name) in \(shortTime($0 / .seconds(1)))" }
      }
      guard let first = silent.first else { return .passed("answered: " + answers.joined(separator: ", ")) }
      let reason = BlockReason.exitsUnhealthy(silent.map(\.name), problem: first.problem, .echo)
      guard !answers.isEmpty else { return .failed(reason) }
      let problem = first.problem.map { ": \($0)" } ?? ""
      return .warned("no answer from \(silent.map(\.name).joined(separator: ", "))\(problem)", reason.remedy)
    }
  }

  var internetJudgement: Judgement {
    targets.judged { targets in
      if let answering = targets.first(where: { $0.problem == nil }) {
        return .passed("\(answering.name) answers")
      }
      let problems = targets.map { "\($0.name): \($0.problem ?? "")" }.joined(separator: "; ")
      let names = gateway?.exits.map(\.name) ?? []
      return .failed(
        "the Internet does not answer: \(problems)",
        gateway == nil
          ? "see to this server's router, provider and firewall (its output chains too), or correct cloud.probe.through"
          : BlockReason.exitsUnhealthy(names, problem: nil, .through).remedy, .blocks)
    }
  }

  /// Only the daemon asks for it: it needs a way of its own through each exit.
  var publicAddressJudgement: Judgement {
    guard gateway?.probe.publicAddress != nil else {
      return .skipped("gateway.probe.publicAddress is not set")
    }
    guard let status else { return .skipped("the daemon asks for it, and does not answer") }
    let checks = status.exits.filter(\.active).flatMap { exit in exit.checks.map { (exit, $0) } }
      .filter { $0.1.check == "publicAddress" }
    guard let (exit, check) = checks.first else { return .skipped("no exit is in use") }
    guard let problem = check.problem else {
      return .passed("the Internet sees \(exit.publicAddress.map(\.description) ?? "what it shall")")
    }
    return .failed(
      "through \(exit.name): \(problem)",
      BlockReason.exitsUnhealthy([exit.name], problem: problem, .publicAddress).remedy)
  }

  var wanJudgement: Judgement {
    wan.judged { reading in
      guard let wan = reading.wan else { return .failed(.wanMissing(reading.wanted)) }
      if tunnelLink?.name == wan.name { return .failed(.interfaceIsWAN(wan.name)) }
      let sources = cloud?.sources ?? []
      if wan.addresses.contains(where: { own in sources.contains { $0.overlaps(own.network) } }) {
        return .failed(.wanOverlap(wan.name))
      }
      if let link = reading.link, !link.hasCarrier { return .failed(.wanNoCarrier(link), .blocks) }
      guard reading.hasDefaultRoute else { return .warned(.wanNoRoute(wan.name)) }
      return .passed("\(wan.name) with \(wan.addresses.map(\.description).joined(separator: ", "))")
    }
  }

  /// As whom packets leave.
  var translationJudgement: Judgement {
    guard let cloud else { return .skipped("this is no cloud server") }
    return wan.judged { reading in
      guard let wan = reading.wan else { return .skipped("there is no WAN") }
      let own = wan.addresses.filter { $0.address.family == .ipv4 }
      switch cloud.snat {
      case .masquerade:
        guard let first = own.first else {
          return .failed(
            "\(wan.name) has no IPv4 address to leave as", "give it one, or set cloud.snat", .blocks)
        }
        return .passed(
          "masquerade, as \(first.address)" + (first.address.isPrivate ? ", behind another's NAT" : ""))
      case .fixed(let address):
        return own.contains { $0.address == address }
          ? .passed("as \(address), which is on \(wan.name)")
          : .warned(
            "packets leave as \(address), which is not on \(wan.name): answers come only if they are routed here",
            "ip address add \(address)/32 dev \(wan.name), or correct cloud.snat")
      }
    }
  }
}

extension IPAddress {
  fileprivate var isPrivate: Bool {
    CloudSettings.privateDestinations.contains { $0.contains(self) }
  }
}
