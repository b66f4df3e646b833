import Glibc

/// A change that the kernel announced, and when this process read it.
public struct KernelEvent: Hashable, Sendable {
  public enum Change: Sendable { case added, deleted }
  public enum Object: Sendable { case rule, route, link, address, nftables, parameter }
  public let time: Moment
  public let change: Change
  public let object: Object
  /// What an IPv4 route's event says of it; nil for everything else.
  public let route: KernelRoute?
}

/// Listens to a namespace's netlink notifications, so that a repair can be timed from outside: from the event
/// of the damage to the last event of the repair.
public final class KernelWatch: Sendable {
  private let stopFlag = StopFlag()
  private let thread: WorkerThread
  private let recorder: Recorder

  /// Listens as soon as this returns.
  public init(_ node: Node, in lab: Lab) throws {
    let namespace = try lab.namespace(node)
    let sockets = try namespace.inside {
      // RTMGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV4_RULE, _IPV6_ROUTE, and the bits of RTNLGRP_IPV6_RULE and
      // RTNLGRP_IPV4_NETCONF; linux/rtnetlink.h.
      [
        try Descriptor.netlink(
          family: routeFamily, groups: 0x1 | 0x10 | 0x40 | 0x80 | 0x400 | 1 << 18 | 1 << 23, .nonblocking),
        // NFNLGRP_NFTABLES's bit; linux/netfilter/nfnetlink.h.
        try Descriptor.netlink(family: netfilterFamily, groups: 1 << 6, .nonblocking),
      ]
    }
    let (recorder, flag) = (Recorder(), stopFlag)
    self.recorder = recorder
    thread = try WorkerThread(in: nil) {
      preferThisThread()
      while !flag.isRaised { recorder.read(sockets, within: 50) }
    }
    lab.keep(thread, stoppedBy: flag)
  }

  /// All events so far, in the order in which they came.
  public var events: [KernelEvent] { recorder.all }

  public func events(since moment: Moment) -> [KernelEvent] { events.filter { $0.time >= moment } }

  /// From the first deletion since `moment` to the last addition behind it; nil when one of them is missing,
  /// as when the object cannot be deleted at all.
  public func repairTime(since moment: Moment, of object: KernelEvent.Object) -> Duration? {
    let own = events(since: moment).filter { $0.object == object }
    guard let damage = own.first(where: { $0.change == .deleted }),
      let repair = own.last(where: { $0.change == .added && $0.time >= damage.time })
    else { return nil }
    return repair.time - damage.time
  }

  public func stop() throws {
    stopFlag.raise()
    try thread.join()
  }
}

/// NETLINK_ROUTE and NETLINK_NETFILTER, linux/netlink.h.
private let routeFamily: Int32 = 0
private let netfilterFamily: Int32 = 12

extension Descriptor {
  /// A netlink(7) socket in the calling thread's namespace that hears those groups, given as bits.
  static func netlink(
    family: Int32, groups: UInt32, _ waiting: SocketKind.Waiting
  ) throws(LabError) -> Descriptor {
    let socket = try Descriptor.socket(AF_NETLINK, .raw, waiting, protocol: family)
    // A flood must not be lost: SO_RCVBUFFORCE goes above the system's limit.
    try socket.setOption(SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    // struct sockaddr_nl: family, padding, port, groups.
    let address = octets(UInt16(AF_NETLINK)) + [UInt8](repeating: 0, count: 6) + octets(groups)
    try socket.bind(SocketAddress(raw: address), called: "netlink groups \(groups)")
    return socket
  }
}

/// Real-time priority (sched(7)), so that an event is stamped when it happens and not when a busy machine
/// comes round to it; what the thread starts has it not. Without the right to that the stamps are later.
func preferThisThread() {
  let resetOnFork: Int32 = 0x4000_0000  // SCHED_RESET_ON_FORK, linux/sched.h
  var parameters = sched_param()
  parameters.sched_priority = 1
  pthread_setschedparam(pthread_self(), SCHED_FIFO | resetOnFork, &parameters)
}

private final class Recorder: Sendable {
  private let events = Guarded<[KernelEvent]>([])
  var all: [KernelEvent] { events.withLock { $0 } }

  func read(_ sockets: [Descriptor], within milliseconds: Int32) {
    var waiting = sockets.map { pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0) }
    guard poll(&waiting, nfds_t(waiting.count), milliseconds) > 0 else { return }
    for (socket, state) in zip(sockets, waiting) where state.revents != 0 {
      while let (bytes, _) = socket.receive() { record(bytes, at: .now) }
    }
  }

  /// Walks the messages of a datagram by their headers (netlink(7)): length, then type.
  private func record(_ bytes: [UInt8], at now: Moment) {
    var rest = bytes[...]
    while rest.count >= 16 {
      let head = Array(rest.prefix(6))
      let length = head[..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
      let type = UInt16(head[4]) | UInt16(head[5]) << 8
      if let (object, change) = KernelEvent.meaning(ofType: type) {
        let payload = Array(rest.prefix(max(length, 16)).dropFirst(16))
        let route = object == .route ? KernelRoute(RoutingMessage(type: type, payload: payload)) : nil
        events.withLock { $0.append(KernelEvent(time: now, change: change, object: object, route: route)) }
      }
      guard length >= 16 else { return }
      rest = rest.dropFirst((length + 3) & ~3)
    }
  }
}

extension KernelEvent {
  /// Types of linux/rtnetlink.h, and of linux/netfilter/nf_tables.h behind NFNL_SUBSYS_NFTABLES in the high octet.
  fileprivate static func meaning(ofType type: UInt16) -> (Object, Change)? {
    switch type {
    case 16: (.link, .added)
    case 17: (.link, .deleted)
    case 20: (.address, .added)
    case 21: (.address, .deleted)
    case 24: (.route, .added)
    case 25: (.route, .deleted)
    case 32: (.rule, .added)
    case 33: (.rule, .deleted)
    // RTM_NEWNETCONF: a parameter below /proc/sys/net/ipv4/conf, or ip_forward.
    case 80: (.parameter, .added)
    // NFT_MSG_NEWTABLE, NEWCHAIN, NEWRULE, NEWSET, NEWSETELEM and NEWOBJ; each DEL is two behind.
    case 0xa00, 0xa03, 0xa06, 0xa09, 0xa0c, 0xa12: (.nftables, .added)
    case 0xa02, 0xa05, 0xa08, 0xa0b, 0xa0e, 0xa14: (.nftables, .deleted)
    default: nil
    }
  }
}
