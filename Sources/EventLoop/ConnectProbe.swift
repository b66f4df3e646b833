import Glibc

/// Asks once whether a TCP endpoint answers: one connect(2) that never blocks, with a deadline.
///
/// The connection carries nothing and ends with a reset (`SO_LINGER` with no time, socket(7)), so that no
/// TIME_WAIT is left behind, however often it is asked. A lost SYN is sent again by the kernel after a second.
///
/// The outcome comes once, from the loop and never before `init` has returned. None comes after `cancel()` or
/// after the probe was released.
public final class ConnectProbe {
  /// In numbers; no name is ever looked up.
  public struct Target: Hashable, Sendable {
    public let address: String
    public let port: UInt16

    public init(address: String, port: UInt16) {
      self.address = address
      self.port = port
    }
  }

  public struct Options: Hashable, Sendable {
    /// An address of this host; nil: as the route says.
    public var source: String?
    /// `SO_BINDTODEVICE`: the only link that the probe may leave by and be answered on. Where no route through it
    /// is found, be it for a blackhole, the kernel takes the target to be on that link (net/ipv4/route.c,
    /// ip_route_output_key_hash_rcu): the probe then comes to nothing by itself, and is not refused.
    public var device: String?
    /// `SO_MARK`, for policy routing; needs CAP_NET_ADMIN.
    public var mark: UInt32?
    public var timeout: Duration

    public init(timeout: Duration, source: String? = nil, device: String? = nil, mark: UInt32? = nil) {
      self.timeout = timeout
      self.source = source
      self.device = device
      self.mark = mark
    }
  }

  public enum Outcome: Hashable, Sendable {
    /// The other end answered after so long: it accepted, or it refused (ECONNREFUSED), which shows as well that
    /// packets go there and come back.
    case connected(Duration)
    /// The probe left and came to nothing.
    case failed(Failure)
    /// This host refused to send it: no such link or address, no route or one that refuses, no permission.
    case notSent(SystemError)
  }

  public enum Failure: Error, Hashable, Sendable {
    case timedOut
    /// What the network said: EHOSTUNREACH, ENETUNREACH and the like (ICMP, RFC 792).
    case system(SystemError)
  }

  private let loop: EventLoop
  private let startedAt: MonotonicTime
  private var report: ((Outcome) -> Void)?
  private var socket: Descriptor?
  private var writable: EventSource?
  private var timer: EventSource?
  /// Known before the loop ran.
  private var early: Outcome?

  /// - Throws: `.notAnAddress`, or that the loop cannot watch. What the sockets refuse is an outcome.
  public init(
    on loop: EventLoop, to target: Target, _ options: Options, report: @escaping (Outcome) -> Void
  ) throws(EventLoopError) {
    self.loop = loop
    self.report = report
    startedAt = loop.now
    let address = try SocketAddress(address: target.address, port: target.port)
    let source: SocketAddress? =
      if let text = options.source { try SocketAddress(address: text, port: 0) } else { nil }
    timer = try loop.onTrigger { [unowned self] in finish(early ?? .failed(.timedOut)) }
    do throws(SystemError) {
      let made = try Self.makeSocket(address.family, from: source, options)
      early = try start(made.number, address)
      socket = consume made
    } catch {
      early = .notSent(error)
    }
    try watch()
    if early == nil { try timer?.rearm(after: options.timeout) } else { timer?.trigger() }
  }

  deinit { cancel() }

  /// No outcome comes after this. Allowed at any time and more than once.
  public func cancel() {
    report = nil
    // The descriptor must be open until nobody watches it.
    writable?.cancel()
    timer?.cancel()
    socket = nil
  }

  private func watch() throws(EventLoopError) {
    guard early == nil, let number = socket?.number else { return }
    writable = try loop.watch(writable: number) { [unowned self] in finish(answer(number)) }
  }

  private static func makeSocket(
    _ family: Int32, from source: SocketAddress?, _ options: Options
  ) throws(SystemError) -> Descriptor {
    let made = try Descriptor(streamSocket: family)
    var reset = linger(l_onoff: 1, l_linger: 0)
    guard setsockopt(made.number, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size)) == 0
    else { throw .last }
    if let mark = options.mark { try made.set(SO_MARK, level: SOL_SOCKET, to: Int32(bitPattern: mark)) }
    if let device = options.device {
      let name = Array(device.utf8)
      guard setsockopt(made.number, SOL_SOCKET, SO_BINDTODEVICE, name, socklen_t(name.count)) == 0 else {
        throw .last
      }
    }
    if let source {
      // The port is chosen when it is known where to (ip(7)): binding first would take one from everybody.
      if family == AF_INET { try made.set(IP_BIND_ADDRESS_NO_PORT, level: Int32(IPPROTO_IP), to: 1) }
      guard source.withPointer({ bind(made.number, $0, $1) }) == 0 else { throw .last }
    }
    return made
  }

  /// nil: under way.
  private func start(_ number: Int32, _ address: SocketAddress) throws(SystemError) -> Outcome? {
    guard address.withPointer({ connect(number, $0, $1) }) != 0 else {
      return .connected(loop.now - startedAt)
    }
    let error = SystemError.last
    switch error.rawValue {
    // After a signal connecting goes on by itself (connect(2)).
    case EINPROGRESS, EINTR: return nil
    case ECONNREFUSED: return .connected(loop.now - startedAt)
    default: throw error
    }
  }

  private func answer(_ number: Int32) -> Outcome {
    let took = loop.now - startedAt
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else {
      return .failed(.system(.last))
    }
    switch code {
    case 0, ECONNREFUSED: return .connected(took)
    case ETIMEDOUT: return .failed(.timedOut)
    default: return .failed(.system(SystemError(rawValue: code)))
    }
  }

  /// The report may release this probe.
  private func finish(_ outcome: Outcome) {
    let report = report
    cancel()
    report?(outcome)
  }
}

extension ConnectProbe.Failure: CustomStringConvertible {
  public var description: String {
    switch self {
    case .timedOut: "no answer in time"
    case .system(let error): "\(error)"
    }
  }
}
