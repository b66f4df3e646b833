import CLinux
import CMnl
import Glibc
import Model

/// What the kernel says of a packet's way.
public enum WayOut: Hashable, Sendable {
  case link(InterfaceIndex)
  /// A route drops it, or there is none.
  case dropped(KernelError.Errno)
}

extension RouteTables {
  /// ip route get D from S
  func lookUp(from source: IPAddress, to destination: IPAddress) throws(KernelError) -> WayOut {
    let bits = UInt8(destination.family.addressBits)
    var link: InterfaceIndex?
    let attempt = "looking up the way from \(source) to \(destination)"
    do {
      try socket.ask(
        attempt, UInt16(RTM_GETROUTE),
        { message in
          // struct rtmsg: family, destination's and source's prefix length, and nothing else.
          message.put(raw: [destination.family.rawValue, bits, bits] + [UInt8](repeating: 0, count: 9))
          message.put(Int(RTA_DST.rawValue), destination.networkOrder)
          message.put(Int(RTA_SRC.rawValue), source.networkOrder)
        },
        answer: { message in
          guard let attributes = message.attributes(after: RouteCodec.headerSize) else { return }
          link = NetlinkAttributes.find(Int(RTA_OIF.rawValue), in: attributes)?.number(UInt32.self)
            .map(InterfaceIndex.init)
        })
    } catch {
      // What routes of type blackhole, unreachable and prohibit answer (ip-route(8)), and no route at all.
      guard let number = error.errno, [EINVAL, EHOSTUNREACH, EACCES, ENETUNREACH].contains(number) else {
        throw error
      }
      return .dropped(.init(rawValue: number))
    }
    guard let link else { throw KernelError(attempt, .malformed("it names no link")) }
    return .link(link)
  }

  /// tc qdisc show, and what bpf(2) knows of tcx.
  func hasPrograms(on link: InterfaceIndex) throws(KernelError) -> Bool {
    let attempt = "looking for programs on link \(link)"
    var hasHook = false
    try socket.dump(
      attempt, UInt16(RTM_GETQDISC),
      // struct tcmsg (linux/rtnetlink.h)
      { $0.put(raw: [UInt8](repeating: 0, count: Self.trafficHeader)) }, restart: { hasHook = false },
      visit: { message in
        guard let attributes = message.attributes(after: Self.trafficHeader),
          message.payload.loadUnaligned(fromByteOffset: 4, as: UInt32.self) == link.rawValue
        else { return }
        // TCA_KIND
        if NetlinkAttributes.find(1, in: attributes)?.text == "clsact" { hasHook = true }
      })
    if hasHook { return true }
    let count = clinux_attached_programs(Int32(bitPattern: link.rawValue))
    guard count >= 0 else { throw KernelError(attempt, .system(call: "bpf", .last)) }
    return count > 0
  }

  private static let trafficHeader = 20
}
