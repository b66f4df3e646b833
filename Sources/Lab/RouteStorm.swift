import Glibc
import Synchronization

/// Very many changes of routes that are nobody's business, at a steady pace: as from a routing daemon that takes up or
/// drops whole tables. All on one thread.
final class RouteStorm: Sendable {
  private static let batch = 200
  private let made = Made()
  private let stopFlag = StopFlag()
  private let thread: WorkerThread
  private let began = Moment.now

  private final class Made: Sendable {
    let changes = Atomic<Int>(0)
  }

  /// - Parameter perSecond: changes, each an addition or a deletion in the main table.
  init(_ perSecond: Int, on node: Node, in lab: Lab) throws {
    thread = try WorkerThread(in: lab.namespace(node)) { [made, stopFlag] in
      let socket = try RoutingSocket()
      let index = if_nametoindex("lo")
      let round = (0..<RouteStorm.batch).map { RouteStorm.change($0, over: index) }
      var next = Moment.now
      while !stopFlag.isRaised {
        try socket.post(round, .create)
        made.changes.add(round.count, ordering: .relaxed)
        next = next + .nanoseconds(1_000_000_000 * Int64(round.count) / Int64(perSecond))
        // What cannot be kept up with is not made up for.
        let now = Moment.now
        if next > now { pause(next - now) } else { next = now }
      }
    }
    lab.keep(thread, stoppedBy: stopFlag)
  }

  /// `ip route add 100.64.N.0/24 dev lo` and, one behind it, its deletion. Numbers of linux/rtnetlink.h.
  private static func change(_ number: Int, over index: UInt32) -> RoutingMessage {
    let newRoute: UInt16 = 24
    // struct rtmsg: IPv4, /24, table main, protocol bird, scope link, unicast; then RTA_DST and RTA_OIF.
    let header: [UInt8] = [UInt8(AF_INET), 24, 0, 0, 254, 12, 253, 1, 0, 0, 0, 0]
    let attributes = [8, 0, 1, 0, 100, 64, UInt8(number / 2 & 0xff), 0] + [8, 0, 4, 0] + octets(index)
    return RoutingMessage(type: newRoute + UInt16(number & 1), payload: header + attributes)
  }

  /// Changes in a second so far.
  var rate: Double { Double(made.changes.load(ordering: .relaxed)) / (Moment.now - began).seconds }

  func stop() throws {
    stopFlag.raise()
    try thread.join()
  }
}
