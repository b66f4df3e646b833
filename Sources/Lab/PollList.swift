import Glibc

/// Descriptors that poll(2) watches, each in a slot that it keeps. Kept from call to call: with thousands of them,
/// making the list anew would take longer than the call.
struct PollList: Sendable {
  private var entries: [pollfd] = []
  private var vacant: [Int] = []

  /// Slots in use and vacant ones.
  var count: Int { entries.count }

  /// - Parameter events: of poll(2), such as POLLIN.
  mutating func add(_ descriptor: Int32, _ events: Int32) -> Int {
    let slot = vacant.popLast() ?? entries.count
    if slot == entries.count { entries.append(pollfd()) }
    watch(slot, descriptor, events)
    return slot
  }

  mutating func watch(_ slot: Int, _ descriptor: Int32, _ events: Int32) {
    entries[slot] = pollfd(fd: descriptor, events: Int16(events), revents: 0)
  }

  /// Goes on watching the slot's descriptor, for something else.
  mutating func await(_ events: Int32, in slot: Int) { entries[slot].events = Int16(events) }

  /// poll(2) passes over negative numbers.
  mutating func ignore(_ slot: Int) { watch(slot, -1, 0) }

  mutating func remove(_ slot: Int) {
    ignore(slot)
    vacant.append(slot)
  }

  /// The slots where something happened.
  mutating func wait(milliseconds: Int32) -> [Int] {
    var left = poll(&entries, nfds_t(entries.count), milliseconds)
    guard left > 0 else { return [] }
    var ready: [Int] = []
    ready.reserveCapacity(Int(left))
    entries.withUnsafeBufferPointer { entries in
      var slot = 0
      while left > 0, slot < entries.count {
        if entries[slot].revents != 0 {
          ready.append(slot)
          left -= 1
        }
        slot += 1
      }
    }
    return ready
  }
}

/// Does `turn` on a thread of its own in that namespace, a thousand times a second, under the state's lock.
func everyMillisecond<State: Sendable>(
  in namespace: NetworkNamespace, _ state: Guarded<State>, until stop: StopFlag,
  _ turn: @escaping @Sendable (inout State) throws -> Void
) throws(LabError) -> WorkerThread {
  try WorkerThread(in: namespace) {
    while !stop.isRaised {
      try state.withLock { try turn(&$0) }
      pause(.milliseconds(1))
    }
  }
}
