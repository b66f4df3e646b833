import Model

/// What the long interval sets of a table hold that nobody else can change: as they were read or made, with what was
/// committed since.
///
/// The kernel's dump of an interval set goes through all of it again for each part that it sends (nft_rbtree_walk() of
/// net/netfilter/nft_set_rbtree.c), so that reading a set of 100,000 intervals takes seconds, and four times as long for
/// twice as many. The table's owner need not: the kernel lets nobody else change such a table, and commits all of a
/// transaction or nothing. Sets of usual size are read all the same: what was read is worth more than what was reasoned.
struct KnownElements {
  private var sets: [String: NftablesSet] = [:]
  private let readEachTime: Int

  /// - Parameter readEachTime: so many ranges of a set, or fewer, are read in a millisecond or two.
  init(readEachTime: Int = 1024) { self.readEachTime = readEachTime }

  /// nil: they have to be read.
  func elements(of name: String, _ type: NftablesSet.KeyType) -> NftablesSet? {
    sets[name].flatMap { $0.keyType == type ? $0 : nil }
  }

  mutating func forget() { sets = [:] }

  /// Takes what was read, as far as the table is ours alone.
  mutating func take(_ observed: ObservedNftables) {
    guard case .present(let table) = observed, table.ownership == .ours else { return forget() }
    sets = table.sets.compactMapValues(\.set)
    forgetUsual()
  }

  /// Takes what was committed. Of a table that is not ours alone nobody may ask.
  mutating func take(_ transaction: NftablesTransaction) {
    for change in transaction.changes {
      switch change {
      case .addTable, .deleteTable: forget()
      case .addSet(let name, let type): sets[name] = NftablesSet(name, type, ranges: [])
      case .deleteSet(let name): sets[name] = nil
      case .addElements(let name, _, let ranges): amend(name) { $0.insert(ranges) }
      case .deleteElements(let name, _, let ranges): amend(name) { $0.remove(ranges) }
      case .addDynamicSet, .addCounter, .deleteCounter, .addChain, .deleteChain, .flushChain, .appendRule:
        break
      }
    }
    forgetUsual()
  }

  private mutating func forgetUsual() { sets = sets.filter { $0.value.ranges.count > readEachTime } }

  private mutating func amend(_ name: String, _ change: (inout [ClosedRange<UInt128>]) -> Bool) {
    guard let set = sets.removeValue(forKey: name) else { return }
    var ranges = set.ranges
    if change(&ranges) { sets[name] = NftablesSet(name, set.keyType, ranges: ranges) }
  }
}

/// Of sorted ranges that do not overlap. Both say whether it was as it has to be.
extension [ClosedRange<UInt128>] {
  fileprivate mutating func insert(_ ranges: [ClosedRange<UInt128>]) -> Bool {
    self = (self + ranges).sorted { $0.lowerBound < $1.lowerBound }
    return zip(self, dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }
  }

  fileprivate mutating func remove(_ ranges: [ClosedRange<UInt128>]) -> Bool {
    var gone = ranges.sorted { $0.lowerBound < $1.lowerBound }[...]
    removeAll { range in
      guard range == gone.first else { return false }
      gone.removeFirst()
      return true
    }
    return gone.isEmpty
  }
}
