import Model

extension NftablesTransaction {
  /// What makes the table so, in one commit. Where only content differs, only that is changed; where an object's
  /// nature differs, the table is made anew, since the kernel cannot change a set's type or a chain's hook. What
  /// dynamic sets hold is lost then, and only then.
  init(from observed: ObservedNftables, to desired: NftablesTable?, as viewpoint: Plan.Viewpoint) {
    switch (observed, desired) {
    case (.absent, nil): self.init([])
    case (.present, nil): self.init([.deleteTable])
    case (.absent, let table?): self.init(Self.build(table, viewpoint))
    case (.present(let found), let table?):
      self.init(
        Self.needsRebuild(found, table, viewpoint)
          ? [.deleteTable] + Self.build(table, viewpoint) : Self.amend(found, table))
    }
  }

  /// Takes over a table that outlived its owner, in a commit of its own: the kernel refuses new chains with a hook
  /// in the one that does (nf_tables_addchain() of net/netfilter/nf_tables_api.c).
  init(claiming observed: ObservedNftables, for desired: NftablesTable?, as viewpoint: Plan.Viewpoint) {
    guard case .holder(.exclusive) = viewpoint, case .present(let found) = observed,
      found.ownership == .orphan, let table = desired, !Self.needsRebuild(found, table, viewpoint)
    else {
      self.init([])
      return
    }
    self.init([.addTable(comment: table.comment, .exclusive)])
  }

  private static func build(_ table: NftablesTable, _ viewpoint: Plan.Viewpoint) -> [NftablesChange] {
    let ownership: NftablesOwnership =
      switch viewpoint {
      case .holder(let ownership): ownership
      case .onlooker: .exclusive
      }
    var changes: [NftablesChange] = [.addTable(comment: table.comment, ownership)]
    for set in table.sets {
      changes.append(.addSet(name: set.name, set.keyType))
      if !set.ranges.isEmpty { changes.append(.addElements(set: set.name, set.keyType, set.ranges)) }
    }
    changes += table.dynamicSets.map { .addDynamicSet($0) }
    changes += table.counters.map { .addCounter($0) }
    // All chains before any rule: a rule may jump to any of them.
    changes += table.chains.map { .addChain(name: $0.name, hook: $0.hook) }
    for chain in table.chains { changes += chain.rules.map { .appendRule(chain: chain.name, $0) } }
    return changes
  }

  private static func needsRebuild(
    _ found: ObservedNftablesTable, _ table: NftablesTable, _ viewpoint: Plan.Viewpoint
  ) -> Bool {
    if case .holder(.exclusive) = viewpoint, found.ownership == .none { return true }
    let wrongSet = table.sets.contains { wanted in
      found.sets[wanted.name].map { $0.set?.keyType != wanted.keyType } ?? false
    }
    let wrongChain = table.chains.contains { wanted in
      found.chains.contains { $0.name == wanted.name && $0.hook != wanted.hook }
    }
    let wrongDynamicSet = table.dynamicSets.contains { wanted in
      found.sets[wanted.name].map { $0.dynamic != wanted } ?? false
    }
    // One that cannot be read may hold anything, or be anonymous, and then goes with its rule only.
    let foreignSet = found.sets.values.contains { $0.set == nil && $0.dynamic == nil }
    return wrongSet || wrongDynamicSet || foreignSet || wrongChain || !found.foreignObjects.isEmpty
  }

  private static func amend(
    _ found: ObservedNftablesTable, _ table: NftablesTable
  ) -> [NftablesChange] {
    var changes = amendSets(found, table)
    changes += table.dynamicSets.filter { found.sets[$0.name] == nil }.map { .addDynamicSet($0) }
    changes += table.counters.filter { found.counters[$0] == nil }.map { .addCounter($0) }
    changes += amendChains(found, table)
    // What no rule refers to any more goes last.
    let counters = Set(table.counters)
    changes += found.counters.keys.filter { !counters.contains($0) }.sorted().map { .deleteCounter($0) }
    let sets = Set(table.sets.map(\.name) + table.dynamicSets.map(\.name))
    changes += found.sets.keys.filter { !sets.contains($0) }.sorted().map { .deleteSet($0) }
    return changes
  }

  private static func amendSets(_ found: ObservedNftablesTable, _ table: NftablesTable) -> [NftablesChange] {
    table.sets.flatMap { wanted -> [NftablesChange] in
      var changes: [NftablesChange] = []
      var have: [ClosedRange<UInt128>] = []
      if let set = found.sets[wanted.name]?.set {
        have = set.ranges
      } else {
        changes.append(.addSet(name: wanted.name, wanted.keyType))
      }
      return changes + change(wanted, from: have)
    }
  }

  /// Old elements go before new ones come: those of one set may not overlap.
  static func change(_ wanted: NftablesSet, from have: [ClosedRange<UInt128>]) -> [NftablesChange] {
    let (surplus, missing) = have.differences(from: wanted.ranges)
    var changes: [NftablesChange] = []
    if !surplus.isEmpty { changes.append(.deleteElements(set: wanted.name, wanted.keyType, surplus)) }
    if !missing.isEmpty { changes.append(.addElements(set: wanted.name, wanted.keyType, missing)) }
    return changes
  }

  private static func amendChains(_ found: ObservedNftablesTable, _ table: NftablesTable) -> [NftablesChange]
  {
    let existing = Dictionary(found.chains.map { ($0.name, $0) }) { first, _ in first }
    let surplus = found.chains.filter { chain in !table.chains.contains { $0.name == chain.name } }
    var changes: [NftablesChange] = table.chains.filter { existing[$0.name] == nil }.map {
      .addChain(name: $0.name, hook: $0.hook)
    }
    for chain in table.chains {
      let rules = existing[chain.name]?.rules ?? []
      guard !zip(rules, chain.rules).allSatisfy({ $0 == $1 }) || rules.count != chain.rules.count else {
        continue
      }
      if !rules.isEmpty { changes.append(.flushChain(chain.name)) }
      changes += chain.rules.map { .appendRule(chain: chain.name, $0) }
    }
    // Surplus chains may refer to each other: all are emptied before any goes.
    changes += surplus.filter { !$0.rules.isEmpty }.map { .flushChain($0.name) }
    return changes + surplus.map { .deleteChain($0.name) }
  }
}

extension ObservedNftablesRule {
  static func == (found: ObservedNftablesRule, wanted: NftablesRule) -> Bool {
    found.comment == wanted.comment && found.expressions == wanted.expressions
  }
}
