import Glibc

/// One stream of the lab's traffic.
public struct TrafficFlow: Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, CaseIterable, Sendable {
    /// A new TCP connection each time, a datagram from one socket, an echo request.
    case tcp, udp, icmp
    /// Lines on one TCP connection that stays.
    case stream
    /// UDP from the gateway's own ZeroTier IPv6 address; there is no way back for it.
    case ipv6
  }

  public enum Path: String, CaseIterable, Sendable {
    /// From the pod, so routed with the egress IP as source: what Cilium does.
    case forwarded
    /// From a socket on the gateway bound to the egress IP.
    case bound
  }

  public let path: Path
  public let kind: Kind
  public init(_ path: Path, _ kind: Kind) {
    self.path = path
    self.kind = kind
  }

  public var description: String { "\(path.rawValue) \(kind.rawValue)" }

  /// Both paths with TCP, UDP and ICMP.
  public static let all: Set<TrafficFlow> = Set(
    Path.allCases.flatMap { path in [Kind.tcp, .udp, .icmp].map { TrafficFlow(path, $0) } })
  /// What goes out by IPv6, where nothing of the plan's may.
  public static let boundIPv6 = TrafficFlow(.bound, .ipv6)
}

/// What became of the traffic.
public struct TrafficReport: Sendable, CustomStringConvertible {
  public struct Count: Hashable, Sendable {
    /// Tries, those that the kernel refused on the spot among them.
    public var sent = 0
    public var refused = 0
    public var answered = 0
    /// Between two answers, or since the last one (since the start, if there was none).
    public var longestGap = Duration.zero
    /// Addresses of the client as the servers saw them; UDP only.
    public var seenAddresses: Set<String> = []
    var lastAnswer: Moment?
  }

  public var counts: [TrafficFlow: Count]
  public subscript(flow: TrafficFlow) -> Count { counts[flow] ?? Count() }
  public subscript(path: TrafficFlow.Path, kind: TrafficFlow.Kind) -> Count { self[TrafficFlow(path, kind)] }

  public var sent: Int { counts.values.reduce(0) { $0 + $1.sent } }
  public var answered: Int { counts.values.reduce(0) { $0 + $1.answered } }
  /// Over all flows that can be answered.
  public var longestGap: Duration {
    counts.filter { $0.key.kind != .ipv6 }.map(\.value.longestGap).max() ?? .zero
  }

  public var description: String {
    counts.sorted { $0.key.description < $1.key.description }.map { flow, count in
      "\(flow): \(count.answered) of \(count.sent) answered, \(count.refused) refused, longest gap \(count.longestGap)"
    }.joined(separator: "\n")
  }
}

/// A steady stream from the pod and from the gateway's own sockets to the server in the Internet.
public final class Traffic: Sendable {
  private let started = Moment.now
  private let stopFlag = StopFlag()
  private let threads: Guarded<[WorkerThread]>
  private let ledger: Ledger

  fileprivate init(_ lab: Lab, flows: Set<TrafficFlow>, perSecond: Int, from address: String) throws {
    ledger = Ledger(flows, from: started)
    threads = Guarded([])
    for flow in flows {
      let (ledger, flag) = (ledger, stopFlag)
      let node: Node = flow.path == .forwarded ? .pod : .gateway
      let thread = try WorkerThread(in: lab.namespace(node)) {
        let source = flow.path == .forwarded ? nil : flow.kind == .ipv6 ? Address.egressIPv6 : address
        try run(makeProbe(flow.kind, from: source), as: flow, perSecond, ledger, until: flag)
      }
      threads.withLock { $0.append(thread) }
      lab.keep(thread, stoppedBy: flag)
    }
  }

  /// The counts so far.
  public var report: TrafficReport { ledger.report() }

  /// Stops sending and counts what came. An error of a sending thread is passed on.
  @discardableResult public func stop() throws -> TrafficReport {
    stopFlag.raise()
    for thread in threads.withLock({ $0 }) { try thread.join() }
    return ledger.report()
  }

  /// Waits for an answer that came after `moment`, on every flow or on those given; its time on the last of them.
  public func waitForAnswers(
    after moment: Moment, on flows: Set<TrafficFlow>? = nil, within limit: Duration
  ) throws -> Duration {
    let wanted = flows ?? ledger.flows.subtracting([.boundIPv6])
    let found = eventually(within: limit, step: .milliseconds(2)) { () -> Duration? in
      let counts = ledger.report().counts
      let times = wanted.compactMap { counts[$0]?.lastAnswer }.filter { $0 > moment }
      return times.count == wanted.count ? times.max().map { $0 - moment } : nil
    }
    guard let found else { throw LabError("waiting for answers", "not after \(limit):\n\(report)") }
    return found
  }
}

extension Lab {
  /// Starts traffic; each flow sends that many a second, fewer on a slow machine (`Patience`). Those of the gateway's own sockets are bound to `address`.
  public func startTraffic(
    _ flows: Set<TrafficFlow> = TrafficFlow.all, perSecond: Int = 20, from address: String = Address.egress
  ) throws -> Traffic {
    try Traffic(self, flows: flows, perSecond: max(perSecond / Patience.factor, 5), from: address)
  }
}

/// The counts of all flows, written by their threads.
private final class Ledger: Sendable {
  private let counts: Guarded<[TrafficFlow: TrafficReport.Count]>
  private let started: Moment
  let flows: Set<TrafficFlow>

  init(_ flows: Set<TrafficFlow>, from started: Moment) {
    counts = Guarded(Dictionary(uniqueKeysWithValues: flows.map { ($0, TrafficReport.Count()) }))
    self.started = started
    self.flows = flows
  }

  func sent(_ flow: TrafficFlow, _ outcome: SendOutcome) {
    counts.withLock {
      $0[flow, default: .init()].sent += 1
      if outcome == .refused { $0[flow, default: .init()].refused += 1 }
    }
  }

  func answered(_ flow: TrafficFlow, seenAs address: String?) {
    let now = Moment.now
    counts.withLock { counts in
      var count = counts[flow] ?? .init()
      count.answered += 1
      count.longestGap = max(count.longestGap, now - (count.lastAnswer ?? started))
      count.lastAnswer = now
      if let address { count.seenAddresses.insert(address) }
      counts[flow] = count
    }
  }

  func report() -> TrafficReport {
    let now = Moment.now
    let counts = counts.withLock { $0 }
    return TrafficReport(
      counts: counts.mapValues { count in
        var count = count
        count.longestGap = max(count.longestGap, now - (count.lastAnswer ?? started))
        return count
      })
  }
}

private func run(
  _ probe: any TrafficProbe, as flow: TrafficFlow, _ perSecond: Int, _ ledger: Ledger, until stop: StopFlag
) throws {
  var probe = probe
  var sequence: UInt32 = 0
  var next = Moment.now
  while !stop.isRaised {
    ledger.sent(flow, try probe.send(sequence))
    sequence &+= 1
    next = max(next + .nanoseconds(1_000_000_000 / perSecond), .now)
    probe.collect(until: next) { ledger.answered(flow, seenAs: $0) }
  }
  // What is still on its way belongs to the count.
  probe.collect(until: .now + .milliseconds(50)) { ledger.answered(flow, seenAs: $0) }
}
