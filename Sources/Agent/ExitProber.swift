import Configuration
import EventLoop
import Kernel
import Model
import Reconciliation

/// Probes every exit: one ICMP echo request each interval, from the egress IP through the tunnel's link. It
/// reports what came of each; what that means is `ExitHealth`'s business.
final class ExitProber {
  struct Target: Equatable {
    let name: String
    let address: IPAddress
  }

  /// What the probes showed of one exit, for the status.
  struct Record {
    var roundTrip: Duration?
    /// The last `Record.window` probes, newest last: true where an answer came in time.
    var history: [Bool] = []

    static let window = 60
    var lossRatio: Double? {
      history.isEmpty ? nil : Double(history.filter { !$0 }.count) / Double(history.count)
    }

    mutating func note(answered: Bool) {
      history.append(answered)
      if history.count > Record.window { history.removeFirst() }
    }
  }

  private struct Outstanding {
    let exit: String
    let address: IPAddress
    let sentAt: MonotonicTime
  }

  /// While nothing is known of any exit, probes go out faster: traffic waits for the first answer.
  private static let eagerInterval = Duration.milliseconds(200)

  private let loop: EventLoop
  private let settings: ProbeSettings
  private let egressIP: IPAddress
  private let targets: [Target]
  private let log: Log
  private let report: (_ exit: String, ExitHealth.Input) -> Void
  private(set) var records: [String: Record] = [:]
  /// Why the last probe could not be sent, if it could not.
  private(set) var problem: String?

  private var socket: EchoSocket?
  private var readable: EventSource?
  private var sending: EventSource?
  private var expiry: EventSource?
  private var outstanding: [UInt16: Outstanding] = [:]
  private var sequence: UInt16 = 0
  /// What is probed through.
  private var tunnel: Tunnel?
  /// Nothing is known of any exit.
  var isEager = true { didSet { if isEager && !oldValue { schedule(after: .zero) } } }

  init(
    on loop: EventLoop, _ gateway: GatewaySettings, _ log: Log,
    report: @escaping (_ exit: String, ExitHealth.Input) -> Void
  ) throws(EventLoopError) {
    self.loop = loop
    self.log = log
    settings = gateway.probe
    egressIP = gateway.egressIP
    targets = gateway.exits.map { Target(name: $0.name, address: $0.address) }
    self.report = report
    for target in targets { records[target.name] = Record() }
    sending = try loop.onTrigger { [unowned self] in sendAll() }
    expiry = try loop.onTrigger { [unowned self] in expire() }
  }

  /// The tunnel, up and with the egress IP on it; nil: there is none to probe through.
  func follow(_ tunnel: Tunnel?) {
    guard tunnel != self.tunnel else { return }
    self.tunnel = tunnel
    readable?.cancel()
    socket = nil
    outstanding = [:]
    for target in targets { records[target.name]?.roundTrip = nil }
    schedule(after: tunnel == nil ? settings.interval : .zero)
  }

  private func schedule(after delay: Duration) {
    rearm(sending, after: delay)
  }

  private func sendAll() {
    guard let tunnel else { return }
    schedule(after: isEager ? min(Self.eagerInterval, settings.interval) : settings.interval)
    do throws(KernelError) {
      let socket = if let socket { socket } else { try open(tunnel) }
      for target in targets { send(to: target, through: socket) }
    } catch {
      for target in targets { failed(target, error) }
    }
    armExpiry()
  }

  private func open(_ tunnel: Tunnel) throws(KernelError) -> EchoSocket {
    let made = try EchoSocket(from: egressIP, through: tunnel.name)
    do throws(EventLoopError) {
      readable = try loop.watch(readable: made.descriptor) { [unowned self] in receive() }
    } catch {
      throw KernelError("watching the probe socket on \(tunnel.name)", .unanswered("\(error)"))
    }
    socket = made
    return made
  }

  private func send(to target: Target, through socket: EchoSocket) {
    sequence &+= 1
    do throws(KernelError) {
      try socket.send(to: target.address, sequence: sequence)
      outstanding[sequence] = Outstanding(exit: target.name, address: target.address, sentAt: loop.now)
      problem = nil
    } catch {
      failed(target, error)
    }
  }

  private func failed(_ target: Target, _ error: KernelError) {
    problem = "\(error)"
    report(target.name, .notSent)
  }

  /// A reply counts once, in time, from the exit that was asked.
  private func receive() {
    guard let socket else { return }
    let now = loop.now
    for reply in socket.replies() {
      guard let asked = outstanding[reply.sequence], asked.address == reply.source,
        now - asked.sentAt <= settings.timeout
      else { continue }
      outstanding[reply.sequence] = nil
      records[asked.exit]?.roundTrip = now - asked.sentAt
      records[asked.exit]?.note(answered: true)
      report(asked.exit, .answered)
    }
    armExpiry()
  }

  private func expire() {
    let now = loop.now
    for (number, asked) in outstanding.sorted(by: { $0.value.sentAt < $1.value.sentAt })
    where now - asked.sentAt >= settings.timeout {
      outstanding[number] = nil
      records[asked.exit]?.note(answered: false)
      report(asked.exit, .lost)
    }
    armExpiry()
  }

  private func armExpiry() {
    guard let oldest = outstanding.values.map(\.sentAt).min() else {
      rearm(expiry, after: nil)
      return
    }
    rearm(expiry, after: max(.zero, settings.timeout - (loop.now - oldest)))
  }

  private func rearm(_ timer: EventSource?, after delay: Duration?) {
    do throws(EventLoopError) {
      if let delay { try timer?.rearm(after: delay) } else { try timer?.disarm() }
    } catch {
      log.write(.error, "the probes' timer failed: \(error)")
    }
  }
}
