import Glibc

/// One new TCP connection after another from the pod, each asking the server in the Internet for the address that it
/// sees: which way out new flows take, and from when on.
public final class NewFlows: Sendable {
  public struct Attempt: Hashable, Sendable {
    public let began: Moment
    /// When the answer was complete; nil: not yet, or never.
    public internal(set) var answered: Moment?
    /// The client's address in that answer.
    public internal(set) var seenAs: String?

    public var took: Duration? { answered.map { $0 - began } }
  }

  private let table: Guarded<AttemptTable>
  private let stopFlag = StopFlag()
  private let thread: WorkerThread

  init(_ lab: Lab, every interval: Duration, limit: Duration) throws {
    let table = Guarded(try AttemptTable(every: interval, limit: limit))
    self.table = table
    thread = try everyMillisecond(in: lab.namespace(.pod), table, until: stopFlag) { try $0.turn() }
    lab.keep(thread, stoppedBy: stopFlag)
  }

  /// All so far, in the order in which they began.
  public var attempts: [Attempt] { table.withLock { $0.attempts } }

  public func attempts(since moment: Moment) -> [Attempt] { attempts.filter { $0.began >= moment } }

  /// When the first that began after `moment` was answered to a client with that address.
  public func firstAnswer(toOneBegunAfter moment: Moment, seenAs address: String) -> Moment? {
    attempts(since: moment).filter { $0.seenAs == address }.compactMap(\.answered).min()
  }

  public func stop() throws {
    stopFlag.raise()
    try thread.join()
  }
}

extension Lab {
  /// - Parameter limit: after which an attempt is given up.
  public func startNewFlows(
    every interval: Duration = .milliseconds(5), limit: Duration = .seconds(2)
  ) throws -> NewFlows {
    try NewFlows(self, every: interval, limit: limit)
  }
}

private struct AttemptTable: Sendable {
  private(set) var attempts: [NewFlows.Attempt] = []
  private let interval: Duration
  private let limit: Duration
  private let server: SocketAddress
  private var list = PollList()
  /// By their slots.
  private var pending: [Int: Pending] = [:]
  private var next = Moment.now

  private struct Pending {
    let attempt: Int
    let socket: Descriptor
    var hasAsked = false
    var answer: [UInt8] = []
  }

  init(every interval: Duration, limit: Duration) throws(LabError) {
    self.interval = interval
    self.limit = limit
    server = try address(of: Address.server, port: InternetServers.httpPort)
  }

  mutating func turn() throws(LabError) {
    let now = Moment.now
    if now >= next {
      next = max(next + interval, now)
      try begin(now)
    }
    for (slot, waiting) in pending where now - attempts[waiting.attempt].began > limit { end(slot) }
    for slot in list.wait(milliseconds: 0) { look(at: slot) }
  }

  private mutating func begin(_ now: Moment) throws(LabError) {
    attempts.append(NewFlows.Attempt(began: now))
    let made = try socket(.stream, to: Address.server, from: nil)
    var reset = linger(l_onoff: 1, l_linger: 0)
    setsockopt(made.number, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout.size(ofValue: reset)))
    let code = made.connect(server)
    guard code == 0 || code == EINPROGRESS else { return }
    pending[list.add(made.number, POLLOUT)] = Pending(attempt: attempts.count - 1, socket: made)
  }

  private mutating func look(at slot: Int) {
    guard let waiting = pending[slot] else { return }
    guard waiting.hasAsked else {
      let request = Array("GET / HTTP/1.1\r\nHost: \(Address.server)\r\nConnection: close\r\n\r\n".utf8)
      guard waiting.socket.pendingError == 0, sendSome(request, to: waiting.socket.number) == request.count
      else { return end(slot) }
      pending[slot]?.hasAsked = true
      return list.await(POLLIN, in: slot)
    }
    let bytes = receiveSome(from: waiting.socket.number)
    guard bytes.isEmpty else {
      pending[slot]?.answer += bytes
      return
    }
    note(waiting)
    end(slot)
  }

  /// The server closes behind its answer, whose body is the address.
  private mutating func note(_ done: Pending) {
    let lines = String(decoding: done.answer, as: UTF8.self).split(separator: "\r\n")
    guard lines.count > 1, let address = lines.last else { return }
    attempts[done.attempt].answered = .now
    attempts[done.attempt].seenAs = String(address)
  }

  private mutating func end(_ slot: Int) {
    pending[slot] = nil
    list.remove(slot)
  }
}
