import Model

extension Plan {
  /// What turns the lists of one desired state into those of the next: elements of sets, and exceptions in routing
  /// tables, that both have. Nothing else, and without a look at the kernel.
  ///
  /// Lists may be long, and reading them takes time that grows with them. So a change of some of their entries goes
  /// ahead of the reading that finds out whether it was all that there was to do. Where the kernel does not hold what
  /// the former state wanted, parts of this fail, and that reading tells what remains.
  public init(changingListsFrom former: DesiredState, to desired: DesiredState) {
    var steps: [Step] = []
    if let table = desired.nftables, let before = former.nftables {
      let changes = Self.elements(before, table)
      if !changes.isEmpty { steps.append(Step(stage: .installGuard, operation: .nftables(.init(changes)))) }
    }
    var surplus: [Step] = []
    for (number, routes) in desired.tables.sorted(by: { $0.key.rawValue > $1.key.rawValue }) {
      guard let before = former.tables[number] else { continue }
      let (gone, new) = before.differences(from: routes)
      steps += new.filter(\.isException).map { Step(stage: .addRoutes, operation: .addRoute($0)) }
      surplus += gone.filter(\.isException).map {
        Step(stage: .deleteRoutes, operation: .deleteRoute(ObservedRoute($0, dump: [])))
      }
    }
    self.init(steps: steps + surplus)
  }

  private static func elements(_ before: NftablesTable, _ table: NftablesTable) -> [NftablesChange] {
    table.sets.flatMap { wanted -> [NftablesChange] in
      guard let set = before.sets.first(where: { $0.name == wanted.name }), set.keyType == wanted.keyType
      else { return [] }
      return NftablesTransaction.change(wanted, from: set.ranges)
    }
  }
}

extension Route {
  fileprivate var isException: Bool { value.kind == .throwToNextRule }
}

extension Array where Element: Hashable {
  /// What only this one has, and what only the other one has, each in its order. Quick where long lists differ in
  /// little: what both begin and end with is only compared.
  func differences(from other: [Element]) -> (gone: [Element], new: [Element]) {
    let same = zip(self, other).prefix { $0 == $1 }.count
    let (rest, others) = (dropFirst(same), other.dropFirst(same))
    let tail = zip(rest.reversed(), others.reversed()).prefix { $0 == $1 }.count
    let (here, there) = (rest.dropLast(tail), others.dropLast(tail))
    guard !here.isEmpty, !there.isEmpty else { return (Array(here), Array(there)) }
    let (inHere, inThere) = (Set(here), Set(there))
    return (here.filter { !inThere.contains($0) }, there.filter { !inHere.contains($0) })
  }
}
