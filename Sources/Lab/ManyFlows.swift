import Glibc

/// Very many TCP connections to the echo server, on one thread: what established flows go through when an exit is
/// switched.
public final class ManyFlows: Sendable {
  public struct Options: Sendable {
    /// That ask all the time.
    public var connections = 1000
    /// That never ask by themselves.
    public var quiet = 0
    /// Questions in all, evenly over the connections that ask.
    public var perSecond = 2000
    /// A question without an answer in that time counts as lost, also when its answer comes later.
    public var limit = Duration.seconds(1)
    /// From the pod, or from the gateway's own sockets bound to the egress IP.
    public var path = TrafficFlow.Path.forwarded
    public init() {}

    var source: String? { path == .forwarded ? nil : Address.egress }
  }

  /// Of the connections that ask, or of the quiet ones.
  public struct Counts: Sendable, CustomStringConvertible {
    public var sent = 0
    public var answered = 0
    /// No answer within the limit, or the connection broke before it.
    public var lost = 0
    /// Of those lost: answered after all, on the same connection.
    public var late = 0
    /// Connections that broke: by a reset, and otherwise.
    public var resets = 0
    public var otherBreaks = 0
    /// Attempts to connect that failed, the first ones included.
    public var failedConnects = 0
    /// From each break to the first answer on the connection that took its place, which is made at once; sorted.
    public internal(set) var recoveries: [Duration] = []
    /// The same from the first question that found no answer; sorted.
    public internal(set) var outages: [Duration] = []
    /// When each break came.
    public internal(set) var breaks: [Moment] = []
    /// Connections that stand.
    public internal(set) var standing = 0
    /// How long those that wait have waited for their oldest answer; sorted.
    public internal(set) var waiting: [Duration] = []

    /// Connections that are neither answered nor broken for so long.
    public func hanging(for time: Duration) -> Int { waiting.count { $0 >= time } }

    public var description: String {
      "\(sent) sent, \(answered) answered, \(lost) lost (\(late) of them late), \(resets) resets, "
        + "\(otherBreaks) other breaks, \(failedConnects) failed connects, \(recoveries.count) recovered, "
        + "\(standing) standing, \(waiting.count) waiting"
    }
  }

  private let table: Guarded<FlowTable>
  private let stopFlag = StopFlag()
  private let thread: WorkerThread

  /// Returns when every connection stands; questions are asked from then on.
  init(_ lab: Lab, _ options: Options) throws {
    try allowDescriptors(2 * (options.connections + options.quiet) + 1024)
    let table = Guarded(try FlowTable(options))
    self.table = table
    let node: Node = options.path == .forwarded ? .pod : .gateway
    thread = try everyMillisecond(in: lab.namespace(node), table, until: stopFlag) { try $0.turn() }
    lab.keep(thread, stoppedBy: stopFlag)
    let complete = eventually(within: .seconds(20)) { table.withLock { $0.isComplete } ? true : nil }
    guard complete != nil else {
      stopFlag.raise()
      try thread.join()
      throw LabError(
        "opening \(options.connections + options.quiet) connections", "not all after 20 s: \(busy)")
    }
    table.withLock { $0.begin() }
  }

  /// The counts so far.
  public var busy: Counts { table.withLock { $0.report(.busy) } }
  public var quiet: Counts { table.withLock { $0.report(.quiet) } }

  /// Lets every quiet connection ask once.
  public func stirQuiet() { table.withLock { $0.stir() } }

  /// Closes all. An error of the thread's is passed on.
  public func stop() throws {
    stopFlag.raise()
    try thread.join()
  }
}

extension Lab {
  public func startManyFlows(_ options: ManyFlows.Options = .init()) throws -> ManyFlows {
    try ManyFlows(self, options)
  }
}

/// Both ends of a connection are this process's. Raises its limit as far as it may (getrlimit(2)).
func allowDescriptors(_ count: Int) throws(LabError) {
  var limit = rlimit()
  getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  guard limit.rlim_cur < count else { return }
  limit.rlim_cur = min(rlim_t(count), limit.rlim_max)
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  guard limit.rlim_cur >= count else {
    throw LabError("opening \(count) descriptors", "the limit is \(limit.rlim_max); raise it (ulimit -Hn)")
  }
}
