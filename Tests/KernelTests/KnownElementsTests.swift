import Model
import Testing

@testable import Kernel

@Suite("What sets hold that nobody else can change")
struct KnownElementsTests {
  private static let type = NftablesSet.KeyType.address(.ipv4)

  private func ranges(_ bounds: [Int]) -> [ClosedRange<UInt128>] {
    bounds.map { UInt128($0)...UInt128($0 + 4) }
  }

  private func table(_ ownership: ObservedNftablesTable.Ownership, holding bounds: [Int]) -> ObservedNftables
  {
    var table = ObservedNftablesTable(ownership: ownership, comment: "")
    table.sets["s"] = ObservedSet(NftablesSet("s", Self.type, ranges: ranges(bounds)))
    return .present(table)
  }

  private func known(after changes: [NftablesChange], among bounds: [Int] = [10, 20, 30]) -> [ClosedRange<
    UInt128
  >]? {
    var known = KnownElements(readEachTime: 0)
    known.take(table(.ours, holding: bounds))
    known.take(NftablesTransaction(changes))
    return known.elements(of: "s", Self.type)?.ranges
  }

  @Test("is what was read of a table that is ours alone, and of no other")
  func owners() {
    for (ownership, isKnown) in [
      (ObservedNftablesTable.Ownership.ours, true), (.none, false), (.orphan, false),
      (.another(port: 7), false),
    ] {
      var known = KnownElements(readEachTime: 0)
      known.take(table(.ours, holding: [1]))
      known.take(table(ownership, holding: [10, 20]))
      #expect(known.elements(of: "s", Self.type)?.ranges == (isKnown ? ranges([10, 20]) : nil))
    }
    var known = KnownElements(readEachTime: 0)
    known.take(table(.ours, holding: [10]))
    #expect(known.elements(of: "s", .port) == nil)
    #expect(known.elements(of: "t", Self.type) == nil)
    var usual = KnownElements()
    usual.take(table(.ours, holding: [10, 20]))
    #expect(usual.elements(of: "s", Self.type) == nil)
    known.take(.absent)
    #expect(known.elements(of: "s", Self.type) == nil)
  }

  @Test("follows what was committed: elements added and taken away, in one transaction as well")
  func changes() {
    let (add, delete) = (NftablesChange.addElements, NftablesChange.deleteElements)
    #expect(known(after: [add("s", Self.type, ranges([0, 40, 50]))]) == ranges([0, 10, 20, 30, 40, 50]))
    #expect(known(after: [delete("s", Self.type, ranges([10, 30]))]) == ranges([20]))
    #expect(
      known(after: [delete("s", Self.type, ranges([20])), add("s", Self.type, [20...29])])
        == [10...14, 20...29, 30...34].sorted { $0.lowerBound < $1.lowerBound }.merged)
    #expect(known(after: [add("other", Self.type, ranges([0]))]) == ranges([10, 20, 30]))
    #expect(known(after: [.flushChain("c"), .addCounter("n")]) == ranges([10, 20, 30]))
    let many = Array(stride(from: 100, to: 20_000, by: 10))
    #expect(known(after: [add("s", Self.type, ranges(many))]) == ranges([10, 20, 30] + many))
  }

  @Test("begins with the set's own making, and is not kept of a set of usual size")
  func made() {
    let (add, make) = (NftablesChange.addElements, NftablesChange.addSet(name: "s", Self.type))
    #expect(known(after: [.deleteSet("s"), make, add("s", Self.type, ranges([7]))]) == ranges([7]))
    let whole = [.addTable(comment: "", .exclusive), make, add("s", Self.type, ranges([30, 40]))]
    #expect(known(after: whole) == ranges([30, 40]))
    var usual = KnownElements(readEachTime: 2)
    usual.take(NftablesTransaction(whole))
    #expect(usual.elements(of: "s", Self.type) == nil)
    usual.take(NftablesTransaction(whole + [add("s", Self.type, ranges([0]))]))
    #expect(usual.elements(of: "s", Self.type)?.ranges == ranges([0, 30, 40]))
  }

  @Test("is nothing any more after what cannot be followed, so that it is read again")
  func readAgain() {
    #expect(known(after: [.deleteElements(set: "s", Self.type, ranges([11]))]) == nil)
    #expect(known(after: [.addElements(set: "s", Self.type, ranges([11]))]) == nil)
    #expect(known(after: [.deleteSet("s")]) == nil)
    #expect(known(after: [.deleteTable]) == nil)
    #expect(known(after: [.addTable(comment: "", .exclusive)]) == nil)
  }
}

extension [ClosedRange<UInt128>] {
  /// As a set has them: what touches is one.
  fileprivate var merged: [ClosedRange<UInt128>] { NftablesSet("", .address(.ipv4), ranges: self).ranges }
}
