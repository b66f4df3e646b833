import CMnl
import CNftnl
import Glibc
import Model

/// Reads and changes the table `inet liteboxd`. The socket stays open as long as the agent lives: the kernel
/// knows the table's owner by it.
final class Nftables {
  private let socket: NetlinkSocket
  private var known = KnownElements()
  var portID: UInt32 { socket.portID }

  init() throws(KernelError) { socket = try NetlinkSocket(.netfilter, bufferSize: 64 << 20) }

  // MARK: Changing

  /// Commits all of the transaction or nothing.
  func commit(_ transaction: NftablesTransaction) throws(KernelError) {
    guard !transaction.changes.isEmpty else { return }
    let attempt = "changing nftables table inet \(NftablesTable.name) (\(transaction.changes.count) changes)"
    let batch = try NftablesEncoder(transaction) { [socket] in socket.nextSequence() }
    do throws(KernelError) {
      try socket.requestBatch(attempt, batch.bytes, from: batch.firstSequence, upTo: batch.lastSequence)
    } catch {
      // The answer may be what was lost.
      known.forget()
      throw error
    }
    known.take(transaction)
  }

  func supportsExclusiveTables() throws(KernelError) -> Bool {
    let batch = try NftablesEncoder(probing: "\(NftablesTable.name)_probe") { [socket] in
      socket.nextSequence()
    }
    do {
      try socket.requestBatch(
        "trying whether nftables tables can be owned", batch.bytes, from: batch.firstSequence,
        upTo: batch.lastSequence)
      return true
    } catch  where error.errno == EOPNOTSUPP || error.errno == EINVAL {
      return false  // Flags that it does not know, or no nftables at all: the first use will tell.
    }
  }

  // MARK: Reading

  func observe() throws(KernelError) -> ObservedNftables {
    let found = try NftablesReader(socket: socket).observe(knowing: known)
    known.take(found)
    return found
  }

  /// Packets and octets of each named counter. Empty without the table.
  func counters() throws(KernelError) -> [String: (packets: UInt64, bytes: UInt64)] {
    try NftablesReader(socket: socket).counters()
  }

  /// What others do with forwarded packets.
  func foreignForwardChains() throws(KernelError) -> [ForeignForwardChain] {
    try ForeignChainReader(socket: socket).forwardChains()
  }

  /// Ends what connection tracking knows of those flows. By the same kind of socket as nftables.
  func forget(_ flows: FlowsToForget) throws(KernelError) -> FlowsToForget.Count {
    try ConnectionTracking(socket: socket).forget(flows)
  }

  /// What a dynamic set holds. Empty without the table or the set.
  func elements(of set: NftablesDynamicSet) throws(KernelError) -> [NftablesDynamicSet.Element] {
    try NftablesReader(socket: socket).elements(of: set)
  }
}
