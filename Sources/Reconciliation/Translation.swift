import Configuration
import Model

/// How a cloud server's flows leave. The kernel settles that once for each flow, when it begins, so that a change
/// leaves flows behind that go on as before.
public struct Translation: Equatable, Sendable {
  public let sources: [CIDR]
  let link: InterfaceName
  /// What flows may leave as; nil: what the kernel chooses cannot be told from here.
  public let addresses: Set<IPAddress>?

  /// - Parameter loopback: addresses of `lo`. A server that is reached by several links may hold its own there.
  public init(_ cloud: CloudSettings, _ wan: WAN, loopback: [IPAddress]) {
    sources = cloud.sources
    link = wan.name
    // Masquerading takes an address of the link but for the link-local ones; without any, another link's.
    let own = wan.addresses.map(\.address).filter { $0.family == .ipv4 && !CIDR.linkLocalIPv4.contains($0) }
    switch cloud.snat {
    case .masquerade: addresses = own.isEmpty ? nil : Set(own + loopback)
    case .fixed(let address): addresses = Set(own + loopback + [address])
    }
  }
}

extension Plan {
  /// Until now flows may have begun without source NAT, or by other rules of it.
  public var changesTranslation: Bool { steps.contains { $0.operation.changesTranslation } }
}

extension Operation {
  fileprivate var changesTranslation: Bool {
    guard case .nftables(let transaction) = self else { return false }
    return transaction.changes.contains(where: \.isOfTranslation)
  }
}

extension NftablesChange {
  fileprivate var isOfTranslation: Bool {
    switch self {
    case .addChain(let name, _), .flushChain(let name), .appendRule(let name, _):
      name == CloudChain.sourceNAT
    case .addElements(let set, _, _), .deleteElements(let set, _, _): set == SetName.sources
    case .addTable, .deleteTable, .addSet, .addDynamicSet, .deleteSet, .addCounter, .deleteCounter,
      .deleteChain:
      false
    }
  }
}
