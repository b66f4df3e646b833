import Glibc

/// Times the repair of one deleted rule, hearing of rules alone: whatever else the kernel announces meanwhile does not
/// slow the clock. Stays on one thread, in the gateway's namespace.
final class RuleClock {
  private static let patience = Duration.seconds(10)

  private let requests: RoutingSocket
  private let events: RoutingSocket
  private let deletion: [RoutingMessage]
  private let restored: Set<RoutingMessage>

  init(device: String) throws {
    requests = try RoutingSocket()
    // RTMGRP_IPV4_RULE
    events = try RoutingSocket(groups: 0x80)
    guard let fault = try BenchFault.all(device: device).first(where: { $0.title == "rule deleted" }),
      case .request(let messages, _) = fault.act
    else { throw LabError("timing repairs", "there is no rule to delete") }
    deletion = messages
    restored = fault.restored
  }

  /// From the deletion to the announcement of the same rule.
  func time() throws -> Duration {
    try events.settle(.zero)
    let start = Moment.now
    try requests.request(deletion)
    var missing = restored
    while !missing.isEmpty {
      var waiting = pollfd(fd: events.descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, (start + RuleClock.patience).pollTimeout) > 0 else {
        throw LabError("timing a rule's repair", "not after \(RuleClock.patience)")
      }
      missing.subtract(try events.receive())
    }
    let took = Moment.now - start
    try requests.acknowledge(deletion.count)
    return took
  }
}

extension Lab {
  /// Deletes the agent's rule again and again, and times each repair.
  ///
  /// - Parameter pause: between a repair and the next deletion: long enough that the agent takes it for no fight.
  func timeRuleRepairs(over time: Duration, pause between: Duration = .milliseconds(60)) throws -> [Duration]
  {
    let device = try zeroTier(.gateway).device
    return try namespace(.gateway).inside {
      preferThisThread()
      let clock = try RuleClock(device: device)
      let end = Moment.now + time
      var times: [Duration] = []
      repeat {
        times.append(try clock.time())
        pause(between)
      } while Moment.now < end
      return times
    }
  }
}
