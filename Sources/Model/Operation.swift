/// One change to the kernel, whole or not at all.
public enum Operation: Sendable {
  case nftables(NftablesTransaction)
  case addRoute(Route)
  /// Takes the place of the first route with the same key; no lookup sees neither.
  case replaceRoute(Route)
  case deleteRoute(ObservedRoute)
  case addRule(RoutingRule)
  case deleteRule(ObservedRule)
  case setSysctl(Sysctl)
}

extension Operation {
  /// The kernel is as desired without it too.
  public var isWish: Bool { if case .setSysctl(let sysctl) = self { sysctl.key.isWish } else { false } }
}

/// Changes to the table `inet liteboxd`, committed together.
public struct NftablesTransaction: Hashable, Sendable {
  public var changes: [NftablesChange]
  public init(_ changes: [NftablesChange]) { self.changes = changes }
}

public enum NftablesChange: Hashable, Sendable {
  case addTable(comment: String, NftablesOwnership)
  case deleteTable
  case addSet(name: String, NftablesSet.KeyType)
  case addDynamicSet(NftablesDynamicSet)
  case deleteSet(String)
  case addElements(set: String, NftablesSet.KeyType, [ClosedRange<UInt128>])
  case deleteElements(set: String, NftablesSet.KeyType, [ClosedRange<UInt128>])
  case addCounter(String)
  case deleteCounter(String)
  case addChain(name: String, hook: NftablesChain.Hook?)
  case deleteChain(String)
  case flushChain(String)
  case appendRule(chain: String, NftablesRule)
}

/// How the table is to be held.
public enum NftablesOwnership: Hashable, Sendable {
  /// `owner` and `persist`: nobody else can change it, and it outlives the agent. Kernel 6.9 or so.
  case exclusive
  /// An older kernel: anyone with CAP_NET_ADMIN can change it, and the agent watches.
  case shared
}

extension NftablesTransaction {
  /// As lines for `nft -f`.
  public var lines: [String] { changes.map(\.description) }
}

extension NftablesChange: CustomStringConvertible {
  public var description: String {
    let table = "inet \(NftablesTable.name)"
    switch self {
    case .addTable(let comment, let ownership):
      let flags = ownership == .exclusive ? "flags owner, persist; " : ""
      return "add table \(table) { \(flags)comment \"\(comment)\"; }"
    case .deleteTable: return "delete table \(table)"
    case .addSet(let name, let type): return "add set \(table) \(name) { type \(type); flags interval; }"
    case .addDynamicSet(let set): return "add set \(table) \(set.name) \(set)"
    case .deleteSet(let name): return "delete set \(table) \(name)"
    case .addElements(let set, let type, let ranges): return Self.elements("add", set, type, ranges)
    case .deleteElements(let set, let type, let ranges): return Self.elements("delete", set, type, ranges)
    case .addCounter(let name): return "add counter \(table) \(name)"
    case .deleteCounter(let name): return "delete counter \(table) \(name)"
    case .addChain(let name, let hook):
      return "add chain \(table) \(name)" + (hook.map { " { \($0) }" } ?? "")
    case .deleteChain(let name): return "delete chain \(table) \(name)"
    case .flushChain(let name): return "flush chain \(table) \(name)"
    case .appendRule(let chain, let rule): return "add rule \(table) \(chain) \(rule)"
    }
  }

  private static func elements(
    _ verb: String, _ set: String, _ type: NftablesSet.KeyType, _ ranges: [ClosedRange<UInt128>]
  ) -> String {
    let texts = ranges.map { NftablesSet.text($0, type) }
    return "\(verb) element inet \(NftablesTable.name) \(set) { \(texts.joined(separator: ", ")) }"
  }
}
