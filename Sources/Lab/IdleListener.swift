import Glibc

/// Somebody who asked for route events and has left more than half of its buffer unread, with room for some
/// hundred more. From then on the kernel gives the processor away after each event that it announces
/// (netlink_broadcast_deliver() and yield() in net/netlink/af_netlink.c), which no other listener can know of.
public final class IdleListener: Sendable {
  private let socket: Descriptor

  public init(_ node: Node, in lab: Lab) throws {
    socket = try lab.namespace(node).inside {
      // RTMGRP_IPV4_ROUTE
      let socket = try Descriptor.netlink(family: 0, groups: 0x40, .nonblocking)
      try socket.setOption(SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20)
      let requests = try RoutingSocket()
      // struct rtmsg and RTA_DST: throw 192.0.2.0/24 table 7
      let fields: [UInt8] = [UInt8(AF_INET), 24, 0, 0, 7, 4, 0, 9, 0, 0, 0, 0, 8, 0, 1, 0, 192, 0, 2, 0]
      while try !socket.isHalfFull() {
        for (type, flags) in [(UInt16(24), RoutingSocket.Flags.create), (25, [])] {
          try requests.request([RoutingMessage(type: type, payload: fields)], flags)
          try requests.acknowledge(1)
        }
      }
      return socket
    }
  }
}

extension Descriptor {
  /// SO_MEMINFO (linux/sock_diag.h): octets that wait, SK_MEMINFO_RMEM_ALLOC, and that may, SK_MEMINFO_RCVBUF.
  fileprivate func isHalfFull() throws(LabError) -> Bool {
    let memoryInformation: Int32 = 55
    var values = [UInt32](repeating: 0, count: 9)
    var length = socklen_t(values.count * 4)
    guard getsockopt(number, SOL_SOCKET, memoryInformation, &values, &length) == 0 else {
      throw LabError("looking at a socket's buffer", errno: errno)
    }
    return values[0] > values[1] / 2
  }
}
