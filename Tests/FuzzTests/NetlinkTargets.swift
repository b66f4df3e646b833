import Glibc
import Model
import TestPeers

@testable import Kernel

/// The kernel is no stranger, but what it says grows with each version.
let netlinkTargets = [
  netlinkTarget("routes") { (payload) throws(KernelError) in
    guard let found = try RouteCodec.decode(payload) else { return true }
    _ = RouteCodec.deletion(of: found.dump)
    _ = "\(found.route.key)"
    return found.dump.count == payload.count
  },
  netlinkTarget("rules") { (payload) throws(KernelError) in
    guard let found = try RuleCodec.decode(payload) else { return true }
    _ = "\(found.rule)"
    return found.dump.count == payload.count
  },
  netlinkTarget("links") { (payload) throws(KernelError) in
    guard let found = try LinkCodec.decodeLink(payload) else { return true }
    return (1...15).contains(found.name.text.utf8.count)
  },
  netlinkTarget("addresses") { (payload) throws(KernelError) in
    _ = try LinkCodec.decodeAddress(payload).map { "\($0)" }
    return true
  },
]

/// Most messages state the length that they have.
@Sendable func mendLength(_ message: inout [UInt8], _ random: inout SplitMix) {
  guard message.count >= 16, Int.random(in: 0..<8, using: &random) > 0 else { return }
  let length = UInt32(message.count)
  for index in 0..<4 { message[index] = UInt8(truncatingIfNeeded: length >> (8 * UInt32(index))) }
}

private func netlinkTarget(
  _ name: String, _ decode: @escaping @Sendable (UnsafeRawBufferPointer) throws(KernelError) -> Bool
) -> FuzzTarget {
  FuzzTarget(
    name: "netlink \(name)", corpus: { try dumpedMessages(name) },
    words: ["\u{4}\0\u{1}\0", "\u{8}\0\u{9}\0", "\u{8}\0\u{f}\0", "\u{5}\0\u{15}\0", "\0\0\0\0"],
    mend: mendLength,
    check: {
      let memory = try GuardedBytes()
      return { input, _ in
        try memory.show(input) { bytes in try check(bytes, decode) }
      }
    })
}

/// Splits, decodes, and looks at it as an event.
private func check(
  _ bytes: UnsafeRawBufferPointer, _ decode: (UnsafeRawBufferPointer) throws(KernelError) -> Bool
) throws -> FuzzTarget.Outcome {
  var (octets, isTaken, isSound) = (0, false, true)
  ReceivedMessage.forEach(in: bytes) { message in
    octets += message.header.count + message.payload.count
    _ = (message.errorText, message.isInterrupted)
    isSound = isSound && message.errorNumber != .min
    let (domains, table) = KernelEvents.meaning(of: message, [RoutingTableID(rawValue: 100)])
    var drift = AnnouncedDrift()
    KernelEvents.note(message, in: &drift)
    isSound = isSound && (table == nil || table?.rawValue == 100)
    // One message sets two parameters at the most.
    isSound = isSound && drift.count <= 2
    isSound = isSound && KernelEvents.nftablesDomains(of: message).isSubset(of: .nftables)
    isSound = isSound && domains.isSubset(of: .all)
    do throws(KernelError) {
      isSound = try decode(message.payload) && isSound
      isTaken = true
    } catch {
      isSound = isSound && !error.description.isEmpty
    }
  }
  try promise(octets <= bytes.count, "more octets in messages than were received")
  try promise(isSound, "not what was dumped")
  return isTaken ? .taken : .refused
}
