import Model
import TestPeers

@testable import Kernel

/// A whole table is read of which one message has other values. libnftnl takes the kernel's word for the attributes that
/// each object has, for the kernel's order of them, and for the zero that ends a name, so those stay.
let nftablesTargets = [
  FuzzTarget(
    name: "nftables", corpus: { try dumpedMessages("nftables") },
    breaking: breakValues,
    check: {
      let dump = try NftablesDump(try dumpedMessages("nftables"))
      let whole = try summary(of: dump, with: nil)
      return { input, _ in
        do throws(KernelError) {
          _ = try summary(of: dump, with: input)
        } catch {
          try promise(!error.description.isEmpty, "an error without words")
          return .refused
        }
        // What was not broken is still read as it was.
        let now = try summary(of: dump, with: nil)
        try promise(now == whole, "\(now) is not \(whole)")
        return .taken
      }
    })
]

/// Changes up to four octets of the values, nested ones too; lengths and types stay.
@Sendable private func breakValues(_ message: inout [UInt8], _ random: inout SplitMix) {
  let places = valuePlaces(in: message, from: 20, to: message.count)
  for _ in 0..<Int.random(in: 1...4, using: &random) {
    guard let place = places.randomElement(using: &random) else { return }
    let edges: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, .random(in: 0...255, using: &random)]
    message[place] = edges.randomElement(using: &random) ?? 0
  }
}

/// Where octets lie that are no attribute's length or type. nf_tables marks no nests: what reads as attributes from its
/// first octet to its last is one.
private func valuePlaces(in message: [UInt8], from start: Int, to end: Int) -> [Int] {
  attributes(in: message, from: start, to: end)?.flatMap { value in
    attributes(in: message, from: value.lowerBound, to: value.upperBound) == nil
      ? Array(text(in: message, at: value) ? value.dropLast() : value)
      : valuePlaces(in: message, from: value.lowerBound, to: value.upperBound)
  } ?? []
}

/// Whether a name lies there, with its end.
private func text(in message: [UInt8], at value: Range<Int>) -> Bool {
  value.count > 1 && message[value.upperBound - 1] == 0
    && value.dropLast().allSatisfy { (0x20...0x7e).contains(message[$0]) }
}

/// Where the values of attributes lie; nil for what is not made of them.
private func attributes(in message: [UInt8], from start: Int, to end: Int) -> [Range<Int>]? {
  var values: [Range<Int>] = []
  var place = start
  while place < end {
    guard place + 4 <= end else { return nil }
    let length = Int(message[place]) | Int(message[place + 1]) << 8
    guard length >= 4, place + length <= end else { return nil }
    values.append(place + 4..<place + length)
    place += (length + 3) & ~3
  }
  return values.isEmpty ? nil : values
}

/// What was read, as far as it stays the same.
func summary(of dump: NftablesDump, with broken: [UInt8]?) throws(KernelError) -> [String] {
  dump.broken = broken
  let reader = NftablesReader(socket: dump)
  let gateways = NftablesDynamicSet("gateways_out", size: 4096, timeoutMilliseconds: 3_600_000)
  var lines = try reader.elements(of: gateways).map { "\($0.address) \($0.packets) \($0.bytes)" }
  guard case .present(let table) = try reader.observe() else { return lines }
  lines.append("table \(table.comment)")
  lines += table.counters.keys.sorted()
  for (name, set) in table.sets.sorted(by: { $0.key < $1.key }) {
    lines.append("set \(name) " + (set.set?.ranges ?? []).map { "\($0)" }.joined(separator: " "))
  }
  for chain in table.chains {
    lines.append("\(chain.name) \(chain.hook.map { "\($0)" } ?? "")")
    lines += chain.rules.map { "\($0.expressions) \($0.comment)" }
  }
  return lines
}

/// Answers dumps with what was recorded, and with one message more.
final class NftablesDump: NetlinkDumping {
  let portID: UInt32 = 1
  var broken: [UInt8]?
  private let messages: [[UInt8]]
  private let memory: GuardedBytes

  init(_ messages: [[UInt8]]) throws {
    self.messages = messages
    memory = try GuardedBytes()
  }

  /// Kinds of objects are numbered in threes: made, asked for, removed (linux/netfilter/nf_tables.h).
  func dump(
    _ attempt: @autoclosure () -> String, _ type: UInt16, _ build: (inout NetlinkMessage) -> Void,
    restart: () -> Void,
    visit: (ReceivedMessage) throws(KernelError) -> Void
  ) throws(KernelError) -> DumpSpan {
    restart()
    var request = NetlinkMessage(type: type, flags: 0, sequence: 0)
    build(&request)
    let set = setName(request.bytes)
    for message in messages
    where message[4] == UInt8(truncatingIfNeeded: type) - 1 && (set == nil || setName(message) == set) {
      try show(message, visit)
    }
    if let broken, broken.count > 4, broken[4] == UInt8(truncatingIfNeeded: type) - 1 {
      try show(broken, visit)
    }
    return .oneGo
  }

  private func show(_ message: [UInt8], _ visit: (ReceivedMessage) throws(KernelError) -> Void)
    throws(KernelError)
  {
    var failure: KernelError?
    memory.show(message) { bytes in
      ReceivedMessage.forEach(in: bytes) {
        do throws(KernelError) { if failure == nil { try visit($0) } } catch { failure = error }
      }
    }
    if let failure { throw failure }
  }

  /// `NFTA_SET_ELEM_LIST_SET` of a message about elements.
  private func setName(_ message: [UInt8]) -> String? {
    guard [12, 13].contains(message[4]), message.count > 20 else { return nil }
    return message.withUnsafeBytes {
      NetlinkAttributes.find(2, in: UnsafeRawBufferPointer(rebasing: $0[20...]))?.text
    }
  }
}
