import Configuration
import Model
import Reconciliation
import Report

// ZeroTier, from its service to the tunnel's link.

extension HostObservations {
  /// A tunnel that is open stays open while the API is silent.
  private var isTunnelUp: Bool {
    status?.tunnelUp
      ?? (tunnel.value?.facts.word == .inherited && exits.value?.allSatisfy { $0.roundTrip == nil } != true)
  }

  var zerotierServiceJudgement: Judgement {
    zerotier.judged { zerotier in
      if let problem = zerotier.problem {
        return isTunnelUp ? .warned(problem) : .failed(problem, .blocks)
      }
      let node = zerotier.node.map { "zerotier-one \($0.version), node \($0.address)" }
      return .passed(node ?? "its API answers")
    }
  }

  var zerotierOnlineJudgement: Judgement {
    zerotier.judged { zerotier in
      guard let node = zerotier.node else { return .skipped("ZeroTier's API does not answer") }
      return node.isOnline
        ? .passed("it reaches its roots")
        : .warned(
          "zerotier-one says that it reaches none of its roots; that lags by minutes",
          "see that UDP 9993 may leave by the uplink, and that the uplink works: zerotier-cli peers")
    }
  }

  var zerotierNetworkJudgement: Judgement {
    tunnel.judged { tunnel in
      let network = tunnel.facts.network
      switch tunnel.facts.word {
      case .none:
        return .skipped(
          zerotier.value?.problem == nil ? "ZeroTier was not asked" : "ZeroTier's API does not answer")
      case .inherited: return .passed("\(network), as the kernel was left")
      case .ok: return .passed("\(network)\(networkName) is OK")
      case .status(let status): return .failed(.networkStatus(status, network))
      case .notJoined: return notJoined(network)
      }
    }
  }

  private var networkName: String {
    zerotier.value?.network.flatMap { $0.name.isEmpty ? nil : " (\($0.name))" } ?? ""
  }

  /// With the networks that it has joined instead.
  private func notJoined(_ network: ZeroTierNetworkID) -> Judgement {
    let reason = BlockReason.notJoined(network)
    let others = zerotier.value?.joined ?? []
    guard !others.isEmpty else { return .failed(reason) }
    let named = others.map { "\($0.id)" + ($0.interface.map { " (\($0))" } ?? "") }
    return .failed(
      "\(reason.message), but \(named.joined(separator: ", "))",
      reason.remedy, .blocks)
  }

  var interfaceJudgement: Judgement {
    tunnel.judged { tunnel in
      switch tunnel.facts.interface {
      case .unnamed:
        // Who is not asked, or knows no such network, names no interface of it.
        if zerotier.value?.problem != nil { return .skipped("ZeroTier's API does not answer") }
        return tunnel.facts.word == .notJoined
          ? .skipped("the network is not joined") : .failed(.interfaceUnnamed)
      case .missing(let name): return .failed(.interfaceMissing(name))
      case .present(let link, _):
        return link.isUp
          ? .passed("\(link.name) is up, index \(link.index)") : .failed(.interfaceDown(link.name))
      }
    }
  }

  /// The gateway's egress IP, or an address of the cloud server's among its sources.
  var addressJudgement: Judgement {
    tunnel.judged { tunnel in
      guard case .present(let link, let addresses) = tunnel.facts.interface else {
        return .skipped("there is no interface to have it")
      }
      if let withheld = withheld(addresses) { return withheld }
      if let gateway {
        return addresses.contains { $0.address == gateway.egressIP }
          ? .passed("\(gateway.egressIP) is on \(link.name)")
          : .failed(.egressIPMissing(gateway.egressIP, link.name))
      }
      let sources = cloud?.sources ?? []
      let own = addresses.filter { $0.address.family == .ipv4 }
      if let inside = own.first(where: { own in sources.contains { $0.contains(own.address) } }) {
        return .passed("\(inside) of \(link.name) is in cloud.sources")
      }
      let held = own.isEmpty ? "no IPv4 address" : own.map(\.description).joined(separator: ", ")
      return .failed(
        "\(link.name) has \(held), and none in cloud.sources",
        own.isEmpty
          ? "assign one in the network's controller; if it was deleted by hand, restart zerotier-one"
          : "make cloud.sources the ZeroTier network, so that gateways are let through", .blocks)
    }
  }

  /// The link has no address because ZeroTier was told not to set it.
  private func withheld(_ addresses: [InterfaceAddress]) -> Judgement? {
    guard let network = zerotier.value?.network, let setting = network.withholding,
      !addresses.contains(where: { $0.address.family == .ipv4 })
    else { return nil }
    return .failed(
      "ZeroTier sets no address: \(setting.rawValue) is off for network \(network.id)",
      "zerotier-cli set \(network.id) \(setting.rawValue)=1", .blocks)
  }

  var defaultRouteJudgement: Judgement {
    zerotier.judged { zerotier in
      guard let network = zerotier.network else { return .skipped("ZeroTier says nothing of the network") }
      return network.mayTakeDefault
        ? .warned(.zerotierDefault(network.id)) : .passed("ZeroTier leaves this host's default route alone")
    }
  }

  /// ZeroTier raises it a moment after the link is there; what is longer than the network's own is lost on the way.
  var mtuJudgement: Judgement {
    guard let link = tunnelLink else { return .skipped("there is no interface") }
    let mtu = Int(link.mtu)
    let wanted = zerotier.value?.network?.mtu
    if let wanted, mtu > wanted {
      return .warned(
        "\(link.name) takes \(mtu) octets, the network \(wanted)", "ip link set \(link.name) mtu \(wanted)")
    }
    if mtu < 1280 {
      return .warned("\(link.name) takes only \(mtu) octets", "set the network's MTU in its controller")
    }
    if let cloud, cloud.clampMSS == .off {
      return .warned(
        "\(mtu) octets on \(link.name), and segments are not clamped: clients hang where ICMP is lost",
        "cloud.mss: clamp")
    }
    return .passed("\(mtu) octets on \(link.name)" + (cloud == nil ? "" : ", segments are clamped"))
  }

  var pathsJudgement: Judgement {
    zerotier.judged { zerotier in
      guard !zerotier.peers.isEmpty else { return .skipped("gateway.exits names no nodeID") }
      let relayed = zerotier.peers.filter { $0.path == .none && isAnswering($0.exit) }
      if let first = relayed.first {
        return .warned(
          "packets to exit \(relayed.map(\.exit).joined(separator: ", ")) are relayed by a ZeroTier root",
          Finding.relayed(first.exit).remedy)
      }
      let said = zerotier.peers.map { peer in
        switch peer.path {
        case .direct(let address): "\(peer.exit) directly at \(address)"
        case .none: "\(peer.exit) without a path"
        case .unknown(let problem): "\(peer.exit) \(problem)"
        }
      }
      return .passed(said.joined(separator: ", "))
    }
  }

  private func isAnswering(_ exit: String) -> Bool {
    if let own = exits.value?.first(where: { $0.name == exit }) { return own.roundTrip != nil }
    return status?.exits.first { $0.name == exit }?.healthy ?? false
  }
}
