import CMnl
import Glibc

/// One netlink(7) socket: requests with their answers, dumps, or multicast events. Blocking requests wait at
/// most `NetlinkSocket.patience`, so that a lost answer cannot hold the loop.
final class NetlinkSocket {
  /// `NETLINK_ROUTE`, `NETLINK_NETFILTER` (linux/netlink.h)
  enum Bus: Int32 {
    case route = 0
    case netfilter = 12
  }

  /// How long an answer may take. The kernel answers while the request is sent; only loss takes longer.
  static let patience = timeval(tv_sec: 2, tv_usec: 0)

  private let handle: OpaquePointer
  private var sequence: UInt32 = 0
  private var buffer: [UInt8]
  /// The kernel's name for this socket: what events of its own making carry.
  let portID: UInt32
  let descriptor: Int32

  /// - Parameters:
  ///   - groups: multicast groups to listen to, which may be none yet; the socket then never blocks. nil: it asks.
  ///   - bufferSize: octets asked for in each direction; the limits of /proc/sys/net/core do not apply, since the agent
  ///     has CAP_NET_ADMIN.
  init(_ bus: Bus, groups: [UInt32]? = nil, bufferSize: Int32 = 4 << 20) throws(KernelError) {
    let attempt = "opening a netlink socket (\(bus))"
    guard let handle = mnl_socket_open2(bus.rawValue, Int32(SOCK_CLOEXEC.rawValue)) else {
      throw KernelError(attempt, .system(call: "socket", .last))
    }
    guard mnl_socket_bind(handle, 0, 0) == 0 else {
      let error = KernelError(attempt, .system(call: "bind", .last))
      mnl_socket_close(handle)
      throw error
    }
    self.handle = handle
    descriptor = mnl_socket_get_fd(handle)
    portID = mnl_socket_get_portid(handle)
    // Untouched until a message needs it: most are far smaller than the largest.
    buffer = [UInt8](unsafeUninitializedCapacity: 256 << 10) { $1 = $0.count }
    try configure(groups: groups, bufferSize: bufferSize, attempt)
  }

  deinit { mnl_socket_close(handle) }

  private func configure(groups: [UInt32]?, bufferSize: Int32, _ attempt: String) throws(KernelError) {
    var size = bufferSize
    let length = socklen_t(MemoryLayout<Int32>.size)
    // Without the capability the ordinary limits hold; that is not worth failing for.
    for (forced, ordinary) in [(SO_RCVBUFFORCE, SO_RCVBUF), (SO_SNDBUFFORCE, SO_SNDBUF)]
    where setsockopt(descriptor, SOL_SOCKET, forced, &size, length) < 0 {
      setsockopt(descriptor, SOL_SOCKET, ordinary, &size, length)
    }
    // Both are since kernel 4.20 or earlier. Without them errors lack words and dumps are filtered here.
    for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK] {
      var on: Int32 = 1
      mnl_socket_setsockopt(handle, Int32(option), &on, length)
    }
    var patience = Self.patience
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    guard let groups else { return }
    for group in groups { try listen(to: group, true) }
    guard fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else {
      throw KernelError(attempt, .system(call: "fcntl", .last))
    }
  }

  /// Joins a multicast group, or leaves it.
  func listen(to group: UInt32, _ wanted: Bool) throws(KernelError) {
    var number = group
    let option = Int32(wanted ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP)
    guard mnl_socket_setsockopt(handle, option, &number, socklen_t(MemoryLayout<UInt32>.size)) == 0 else {
      throw KernelError(
        "\(wanted ? "joining" : "leaving") netlink group \(group)", .system(call: "setsockopt", .last))
    }
  }

  // MARK: Requests

  /// Sends one message and waits for its acknowledgement.
  func request(
    _ attempt: @autoclosure () -> String, _ type: UInt16, flags: Int32,
    _ build: (inout NetlinkMessage) -> Void
  )
    throws(KernelError)
  {
    let sequence = nextSequence()
    var message = NetlinkMessage(type: type, flags: NLM_F_REQUEST | NLM_F_ACK | flags, sequence: sequence)
    build(&message)
    try send(message.bytes, attempt())
    try awaitAcknowledgement(attempt(), from: sequence, upTo: sequence)
  }

  /// Sends one question and shows what is answered, up to the acknowledgement.
  func ask(
    _ attempt: @autoclosure () -> String, _ type: UInt16, _ build: (inout NetlinkMessage) -> Void,
    answer: (ReceivedMessage) -> Void
  ) throws(KernelError) {
    let sequence = nextSequence()
    var message = NetlinkMessage(type: type, flags: NLM_F_REQUEST | NLM_F_ACK, sequence: sequence)
    build(&message)
    try send(message.bytes, attempt())
    try awaitAcknowledgement(attempt(), from: sequence, upTo: sequence, answer: answer)
  }

  /// Sends messages that were numbered with `nextSequence` in one go; the last asks for an acknowledgement.
  func requestBatch(
    _ attempt: @autoclosure () -> String, _ bytes: [UInt8], from first: UInt32, upTo last: UInt32
  )
    throws(KernelError)
  {
    try send(bytes, attempt())
    try awaitAcknowledgement(attempt(), from: first, upTo: last)
  }

  func nextSequence() -> UInt32 {
    sequence &+= 1
    return sequence
  }

  private func send(_ bytes: [UInt8], _ attempt: @autoclosure () -> String) throws(KernelError) {
    while mnl_socket_sendto(handle, bytes, bytes.count) < 0 {
      guard errno == EINTR else { throw KernelError(attempt(), .system(call: "sendto", .last)) }
    }
  }

  private func awaitAcknowledgement(
    _ attempt: @autoclosure () -> String, from first: UInt32, upTo last: UInt32,
    answer: (ReceivedMessage) -> Void = { _ in }
  ) throws(KernelError) {
    var refusal: KernelError.Cause?
    while true {
      var done = false
      try receive(attempt()) { message in
        guard message.sequence &- first <= last &- first else { return }
        guard message.type == UInt16(NLMSG_ERROR), let number = message.errorNumber else {
          return answer(message)
        }
        if number != 0 { refusal = refusal ?? .refused(.init(rawValue: -number), message.errorText) }
        // A refused batch is answered message by message; the first refusal says it all.
        done = done || number != 0 || message.sequence == last
      }
      if let refusal { throw KernelError(attempt(), refusal) }
      if done { return }
    }
  }

  // MARK: Dumps

  /// Asks for all objects of a kind. `visit` may be called for a try that is then given up: `restart` comes
  /// before each try.
  @discardableResult func dump(
    _ attempt: @autoclosure () -> String, _ type: UInt16, _ build: (inout NetlinkMessage) -> Void,
    restart: () -> Void, visit: (ReceivedMessage) throws(KernelError) -> Void
  ) throws(KernelError) -> DumpSpan {
    var tries = DumpTries()
    while tries.areLeft() {
      restart()
      let sequence = nextSequence()
      var request = NetlinkMessage(
        type: type, flags: NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH, sequence: sequence)
      build(&request)
      try send(request.bytes, attempt())
      if case .whole(let span) = try collect(attempt(), sequence, visit) { return span }
    }
    throw KernelError(attempt(), .interrupted(tries: tries.count))
  }

  private enum DumpEnd {
    case whole(DumpSpan)
    case interrupted
  }

  private func collect(
    _ attempt: @autoclosure () -> String, _ sequence: UInt32,
    _ visit: (ReceivedMessage) throws(KernelError) -> Void
  ) throws(KernelError) -> DumpEnd {
    var hasEnded = false
    var goes = 0
    var isInterrupted = false
    var failure: KernelError?
    while !hasEnded {
      var isFirst = true
      try receive(attempt()) { message in
        guard message.sequence == sequence, !hasEnded else { return }
        isInterrupted = isInterrupted || message.isInterrupted
        switch Int32(message.type) {
        case NLMSG_DONE, NLMSG_ERROR:
          let number = message.errorNumber ?? 0
          if number == -EINTR {
            isInterrupted = true
          } else if number < 0 {
            failure = failure ?? KernelError(attempt(), .refused(.init(rawValue: -number), message.errorText))
          }
          hasEnded = true
        default:
          goes += isFirst ? 1 : 0
          isFirst = false
          do { if failure == nil { try visit(message) } } catch { failure = error as? KernelError }
        }
      }
    }
    if isInterrupted { return .interrupted }
    if let failure { throw failure }
    return .whole(goes > 1 ? .severalGoes : .oneGo)
  }

  // MARK: Receiving

  /// Reads what is there, or waits for it, and shows each message. Every answer must come from the kernel
  /// (port 0); libmnl checks that.
  private func receive(_ attempt: @autoclosure () -> String, _ visit: (ReceivedMessage) -> Void)
    throws(KernelError)
  {
    while true {
      let count = mnl_socket_recvfrom(handle, &buffer, buffer.count)
      if count >= 0 {
        buffer.withUnsafeBytes {
          ReceivedMessage.forEach(in: UnsafeRawBufferPointer(rebasing: $0[..<count]), visit)
        }
        return
      }
      switch errno {
      case EINTR: continue
      case EAGAIN: throw KernelError(attempt(), .unanswered("no answer within \(Self.patience.tv_sec) s"))
      case ENOBUFS: throw KernelError(attempt(), .unanswered("the answer was lost (ENOBUFS)"))
      default: throw KernelError(attempt(), .system(call: "recvmsg", .last))
      }
    }
  }

  enum Drained { case all, overrun }

  /// Datagrams that one `drain` takes at most: a flood of foreign events must not hold the loop.
  private static let datagramsAtATime = 4096

  /// Shows the events that wait on a multicast socket, without blocking. What a flood leaves waits for the next
  /// call.
  func drain(_ visit: (ReceivedMessage) -> Void) throws(KernelError) -> Drained {
    var result = Drained.all
    for _ in 0..<Self.datagramsAtATime {
      let count = mnl_socket_recvfrom(handle, &buffer, buffer.count)
      if count >= 0 {
        buffer.withUnsafeBytes {
          ReceivedMessage.forEach(in: UnsafeRawBufferPointer(rebasing: $0[..<count]), visit)
        }
        continue
      }
      switch errno {
      case EINTR: continue
      case EAGAIN: return result
      case ENOBUFS: result = .overrun
      default: throw KernelError("reading netlink events", .system(call: "recvmsg", .last))
      }
    }
    return result
  }
}
