import Glibc

/// Does damage and waits for its repair. Stays on one thread, which hears the kernel itself.
final class RepairClock {
  private let pause: Duration
  private let patience: Duration
  private let requests: RoutingSocket
  private let events: RoutingSocket
  private let lines: VerifiedLines?

  /// - Parameters:
  ///   - pause: so long nothing must have happened before a fault.
  ///   - lines: by which the repairer says that it has read the kernel again.
  ///   - patience: for one repair.
  init(pause: Duration, _ lines: VerifiedLines? = nil, patience: Duration = .seconds(15)) throws(LabError) {
    self.pause = pause
    self.patience = patience
    self.lines = lines
    requests = try RoutingSocket()
    events = try RoutingSocket(groups: BenchFault.groups)
  }

  /// - Parameter before: what else is waited for before each round.
  func repairs(of fault: BenchFault, rounds: Int, before: () -> Void = {}) throws -> BenchRepairs {
    let found = try (1...rounds).map { round in
      before()
      do { return try time(fault) } catch { throw LabError("round \(round)", "\(error)") }
    }
    return BenchRepairs(
      title: fault.title, isOpening: !fault.prelude.isEmpty, times: found.map(\.restored),
      verified: found.map(\.verified))
  }

  private func time(_ fault: BenchFault) throws -> (restored: Duration, verified: Duration) {
    try requests.request(fault.prelude)
    try requests.acknowledge(fault.prelude.count)
    try events.settle(pause)
    _ = lines?.changes()
    let start = Moment.now
    let answers = try perform(fault.act)
    var (missing, changes) = (fault.restored, 0)
    var restored: Duration?
    while true {
      let (hasEvents, hasLines) = try wait(until: start + patience)
      let now = Moment.now
      if hasLines { changes += lines?.changes() ?? 0 }
      if hasEvents {
        missing.subtract(try events.receive())
        if missing.isEmpty, restored == nil { restored = now - start }
      }
      if let restored, lines == nil || changes >= fault.changes {
        try requests.acknowledge(answers)
        return (restored, now - start)
      }
    }
  }

  private func wait(until end: Moment) throws(LabError) -> (events: Bool, lines: Bool) {
    var waiting = [pollfd(fd: events.descriptor, events: Int16(POLLIN), revents: 0)]
    if let lines { waiting.append(pollfd(fd: lines.descriptor.number, events: Int16(POLLIN), revents: 0)) }
    guard poll(&waiting, nfds_t(waiting.count), end.pollTimeout) > 0 else {
      throw LabError("waiting for the repair", "not after \(patience)")
    }
    return (waiting[0].revents != 0, waiting.count > 1 && waiting[1].revents != 0)
  }

  /// How many answers there are to read.
  private func perform(_ act: BenchFault.Act) throws -> Int {
    switch act {
    case .request(let messages, let flags):
      try requests.request(messages, flags)
      return messages.count
    case .write(let text, let file):
      let bytes = Array(text.utf8)
      guard pwrite(file.number, bytes, bytes.count, 0) == bytes.count else {
        throw LabError("setting a parameter", errno: errno)
      }
      return 0
    }
  }
}
