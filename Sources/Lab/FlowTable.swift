import Glibc

/// The connections of `ManyFlows`, all of them on one thread.
struct FlowTable: Sendable {
  /// Busy ones ask all the time, quiet ones when they are told to.
  enum Kind { case busy, quiet }

  private struct Flow {
    let kind: Kind
    var socket: Descriptor?
    var isEstablished = false
    /// Sent and not yet answered, oldest first.
    var open: [Question] = []
    var brokenAt: Moment?
    /// When the first question was asked that a break left without an answer.
    var troubledAt: Moment?
    /// When a connection that could not be made is tried again.
    var retryAt: Moment?
  }

  private struct Question {
    let sentAt: Moment
    var isLost = false
  }

  private let options: ManyFlows.Options
  private let server: SocketAddress
  private var flows: [Flow]
  private var list = PollList()
  private var counts: [Kind: ManyFlows.Counts] = [.busy: .init(), .quiet: .init()]
  private var number = 0
  /// When sending began, how much was due since, and whose turn it is.
  private var began: Moment?
  private var asked = 0
  private var turnOf = 0
  private var nextReview = Moment.now

  init(_ options: ManyFlows.Options) throws(LabError) {
    self.options = options
    server = try address(of: Address.server, port: 7)
    flows = Array(repeating: Flow(kind: .busy), count: options.connections)
    flows += Array(repeating: Flow(kind: .quiet), count: options.quiet)
    for _ in flows { _ = list.add(-1, 0) }
  }

  /// Whether every connection stands.
  var isComplete: Bool { flows.allSatisfy(\.isEstablished) }

  mutating func begin() { began = began ?? .now }

  /// Each quiet connection asks once.
  mutating func stir() {
    for index in flows.indices where flows[index].kind == .quiet { ask(index) }
  }

  func report(_ kind: Kind) -> ManyFlows.Counts {
    let now = Moment.now
    var counts = counts[kind] ?? .init()
    let own = flows.filter { $0.kind == kind }
    counts.recoveries.sort()
    counts.outages.sort()
    counts.standing = own.count { $0.isEstablished }
    counts.waiting = own.compactMap { flow in flow.open.first.map { now - $0.sentAt } }.sorted()
    return counts
  }

  mutating func turn() throws(LabError) {
    try connectSome()
    for slot in list.wait(milliseconds: 0) { look(at: slot) }
    askWhatIsDue()
    review()
  }

  // MARK: Connecting

  /// So many in one turn: a thousand at once would overflow the queues that are not what is measured.
  private static let burst = 20

  private mutating func connectSome() throws(LabError) {
    let now = Moment.now
    var left = FlowTable.burst
    for index in flows.indices where flows[index].socket == nil && left > 0 {
      if let retryAt = flows[index].retryAt, retryAt > now { continue }
      try connect(index)
      left -= 1
    }
  }

  private mutating func connect(_ index: Int) throws(LabError) {
    let made = try socket(.stream, to: Address.server, from: options.source)
    try made.setOption(Int32(IPPROTO_TCP), TCP_NODELAY)
    let code = made.connect(server)
    guard code == 0 || code == EINPROGRESS else { return retry(index) }
    flows[index].socket = made
    list.watch(index, made.number, POLLOUT)
  }

  private mutating func retry(_ index: Int) {
    counts[flows[index].kind]?.failedConnects += 1
    flows[index].retryAt = .now + .milliseconds(100)
    flows[index].socket = nil
    list.ignore(index)
  }

  // MARK: Answers

  private mutating func look(at index: Int) {
    guard let socket = flows[index].socket else { return }
    guard flows[index].isEstablished else {
      guard socket.pendingError == 0 else { return retry(index) }
      flows[index].isEstablished = true
      list.await(POLLIN, in: index)
      if flows[index].brokenAt != nil { ask(index) }
      return
    }
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
      let got = recv(socket.number, buffer.baseAddress, buffer.count, 0)
      if got > 0 { return answered(index, buffer[..<got].count { $0 == 0x0a }) }
      let code = got == 0 ? 0 : errno
      if code != EAGAIN && code != EINTR { broken(index, code) }
    }
  }

  private mutating func answered(_ index: Int, _ lines: Int) {
    let (now, kind) = (Moment.now, flows[index].kind)
    let done = flows[index].open.prefix(lines)
    counts[kind]?.answered += done.count { !$0.isLost }
    counts[kind]?.late += done.count { $0.isLost }
    flows[index].open.removeFirst(done.count)
    if let brokenAt = flows[index].brokenAt {
      counts[kind]?.recoveries.append(now - brokenAt)
      counts[kind]?.outages.append(now - (flows[index].troubledAt ?? brokenAt))
      flows[index].brokenAt = nil
      flows[index].troubledAt = nil
    }
  }

  private mutating func broken(_ index: Int, _ code: Int32) {
    let flow = flows[index]
    if code == ECONNRESET || code == EPIPE {
      counts[flow.kind]?.resets += 1
    } else {
      counts[flow.kind]?.otherBreaks += 1
    }
    counts[flow.kind]?.lost += flow.open.count { !$0.isLost }
    let now = Moment.now
    counts[flow.kind]?.breaks.append(now)
    flows[index] = Flow(
      kind: flow.kind, brokenAt: flow.brokenAt ?? now,
      troubledAt: flow.troubledAt ?? flow.open.first?.sentAt ?? now)
    list.ignore(index)
  }

  // MARK: Questions

  private mutating func askWhatIsDue() {
    guard let began, options.connections > 0 else { return }
    let due = Int((Moment.now - began).seconds * Double(options.perSecond))
    while asked < due {
      asked += 1
      ask(turnOf)
      turnOf = (turnOf + 1) % options.connections
    }
  }

  /// A connection that does not stand has nothing to ask on.
  private mutating func ask(_ index: Int) {
    guard let socket = flows[index].socket, flows[index].isEstablished else { return }
    number += 1
    let line = Array("\(number)\n".utf8)
    counts[flows[index].kind]?.sent += 1
    flows[index].open.append(Question(sentAt: .now))
    if sendSome(line, to: socket.number) != line.count { broken(index, errno) }
  }

  /// Counts what has waited for too long, now and then.
  private mutating func review() {
    let now = Moment.now
    guard now >= nextReview else { return }
    nextReview = now + .milliseconds(50)
    for index in flows.indices where !flows[index].open.isEmpty {
      for place in flows[index].open.indices where !flows[index].open[place].isLost {
        guard now - flows[index].open[place].sentAt > options.limit else { break }
        flows[index].open[place].isLost = true
        counts[flows[index].kind]?.lost += 1
      }
    }
  }
}
