import Configuration
import EventLoop
import Kernel
import Model
import Reconciliation

/// Sends ICMP echo requests to every exit from the egress IP through the tunnel's link, by one socket that is bound
/// to both, and tells what came of each.
final class EchoProber {
  /// What came of a probe, for the exit of that place among the targets.
  enum Event {
    case answered(Duration)
    case lost
    case late(Duration)
    case duplicate
    case notSent(KernelError)
  }

  private let loop: EventLoop
  private let source: IPAddress
  private let targets: [IPAddress]
  private let timeout: Duration
  private let log: Log
  private let report: (_ exit: Int, Event) -> Void
  private var socket: EchoSocket?
  /// Reads answers as they come, or from time to time where there are many exits.
  private var readable: EventSource?
  private var drain: EventSource?
  private var expiry: EventSource?
  private var ledger: EchoLedger
  /// When answers were last read.
  private var readAt: MonotonicTime

  init(
    on loop: EventLoop, from source: IPAddress, to targets: [IPAddress], timeout: Duration,
    _ log: Log, report: @escaping (_ exit: Int, Event) -> Void
  ) throws(EventLoopError) {
    self.loop = loop
    self.source = source
    self.targets = targets
    self.timeout = timeout
    self.log = log
    self.report = report
    ledger = EchoLedger(timeout: timeout)
    readAt = loop.now
    expiry = try loop.onTrigger { [unowned self] in expire() }
    drain = try loop.onTrigger { [unowned self] in
      receive()
      armDrain()
    }
  }

  /// With more exits than that, answers that come one by one would wake the agent for each. The kernel notes when
  /// they came, so that they can wait.
  private static let mostWatched = 8
  private static let drainInterval = Duration.milliseconds(25)
  /// From the kernel's stamp until a packet can be read.
  private static let stampSlack = Duration.milliseconds(10)

  /// Forgets what was sent through the link so far.
  func close() {
    readable?.cancel()
    readable = nil
    socket = nil
    ledger = EchoLedger(timeout: timeout)
  }

  /// One request to each of those exits.
  func send(to exits: [Int], through link: InterfaceName) {
    do throws(KernelError) {
      let socket = try open(through: link)
      for exit in exits { send(to: exit, by: socket) }
    } catch {
      for exit in exits { report(exit, .notSent(error)) }
    }
    armExpiry()
    armDrain()
  }

  private func open(through link: InterfaceName) throws(KernelError) -> EchoSocket {
    if let socket { return socket }
    let made = try EchoSocket(from: source, through: link)
    do throws(EventLoopError) {
      if targets.count <= Self.mostWatched {
        readable = try loop.watch(readable: made.descriptor) { [unowned self] in receive() }
      }
    } catch {
      throw KernelError("watching the probe socket on \(link)", .unanswered("\(error)"))
    }
    socket = made
    return made
  }

  private func send(to exit: Int, by socket: EchoSocket) {
    do throws(KernelError) {
      try socket.send(to: targets[exit], sequence: ledger.nextSequence)
      ledger.sent(to: exit, at: targets[exit], loop.now)
    } catch {
      report(exit, .notSent(error))
    }
  }

  private func receive() {
    guard let socket else { return }
    let now = loop.now
    // All that came before the last reading was read then. The kernel stamps with the wall clock: an age beyond that
    // is of a clock that was set meanwhile, and says nothing.
    let possible = .zero...max(.zero, now - readAt) + Self.stampSlack
    readAt = now
    for reply in socket.replies() {
      // When it came, not when it is read: this process may have been kept from reading.
      let arrival = possible.contains(reply.age) ? now + (.zero - reply.age) : now
      switch ledger.answered(reply.sequence, from: reply.source, arrival) {
      case .inTime(let exit, let took): report(exit, .answered(took))
      case .late(let exit, let took): report(exit, .late(took))
      case .duplicate(let exit): report(exit, .duplicate)
      case .stranger: break
      }
    }
  }

  private func armDrain() {
    guard targets.count > Self.mostWatched, ledger.nextExpiry() != nil else { return }
    do throws(EventLoopError) { try drain?.rearm(after: Self.drainInterval) } catch {
      log.write(.error, "the probes' timer failed: \(error)")
    }
  }

  private func expire() {
    // What came in time and was not read yet is no loss.
    receive()
    for exit in ledger.expire(loop.now) { report(exit, .lost) }
    armExpiry()
  }

  private func armExpiry() {
    guard let due = ledger.nextExpiry() else { return }
    do throws(EventLoopError) { try expiry?.rearm(after: max(.zero, due - loop.now)) } catch {
      log.write(.error, "the probes' timer failed: \(error)")
    }
  }
}
