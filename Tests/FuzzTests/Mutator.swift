import TestPeers

/// Breaks a document a little, or a lot: what a stranger could send instead of it.
struct Mutator {
  /// Octets. No input is larger.
  static let largest = 64 << 10

  var random: SplitMix
  let corpus: [[UInt8]]
  /// What the format gives a meaning to.
  let words: [[UInt8]]

  /// One of the corpus with one to eight changes.
  mutating func input() -> [UInt8] {
    var bytes = pick(corpus) ?? []
    for _ in 0..<(1 << number(below: 4)) { change(&bytes) }
    return Array(bytes.prefix(Mutator.largest))
  }

  mutating func number(below bound: Int) -> Int { Int.random(in: 0..<max(bound, 1), using: &random) }

  private mutating func pick<T>(_ items: [T]) -> T? { items.randomElement(using: &random) }

  private mutating func change(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else {
      bytes = pick(words) ?? [0]
      return
    }
    let place = number(below: bytes.count)
    switch number(below: 12) {
    case 0, 1: bytes[place] ^= 1 << UInt8(number(below: 8))
    case 2: bytes[place] = UInt8(number(below: 256))
    case 3: bytes[place] = pick([0, 1, 4, 0x7f, 0x80, 0xff] as [UInt8]) ?? 0
    case 4: bytes.removeSubrange(range(from: place, in: bytes))
    case 5: bytes.insert(contentsOf: bytes[range(from: place, in: bytes)], at: number(below: bytes.count + 1))
    case 6: bytes.insert(contentsOf: pick(words) ?? [], at: place)
    case 7: bytes.replaceSubrange(range(from: place, in: bytes), with: pick(words) ?? [])
    case 8: setNumber(in: &bytes)
    case 9: splice(into: &bytes, at: place)
    case 10 where number(below: 8) == 0: bytes.removeSubrange(place...)
    case 11 where number(below: 16) == 0: swell(&bytes, at: place)
    default: bytes[place] = UInt8(0x20 + number(below: 0x5f))
    }
  }

  private mutating func range(from place: Int, in bytes: [UInt8]) -> Range<Int> {
    place..<min(bytes.count, place + 1 + number(below: 40))
  }

  /// Numbers of 16 or 32 bits in host order, aligned as netlink has them, at the edges of their range.
  private mutating func setNumber(in bytes: inout [UInt8]) {
    let place = number(below: bytes.count) & ~3
    let value =
      pick([0, 1, 3, 4, 5, 7, 8, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, .max]) ?? UInt32(0)
    let width = number(below: 2) == 0 ? 2 : 4
    for index in 0..<width where place + index < bytes.count {
      bytes[place + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(index)))
    }
  }

  private mutating func splice(into bytes: inout [UInt8], at place: Int) {
    guard let other = pick(corpus), !other.isEmpty else { return }
    bytes.replaceSubrange(place..., with: other[number(below: other.count)...])
  }

  /// Repeats a part until the input is as large as one can be.
  private mutating func swell(_ bytes: inout [UInt8], at place: Int) {
    var filler = Array(bytes[range(from: place, in: bytes)])
    while filler.count + bytes.count < Mutator.largest { filler += filler }
    bytes.insert(contentsOf: filler, at: place)
  }
}
