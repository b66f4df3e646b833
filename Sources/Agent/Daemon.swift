import Configuration
import EventLoop
import Glibc
import Kernel
import Model
import Reconciliation
import Report
import ZeroTier

/// The agent at work: one thread, one loop. Kernel events, ZeroTier's answers, probes, timers and requests wake
/// it; each ends in `pass`, which is the only place that changes the kernel.
final class Daemon {
  let loop: EventLoop
  let log: Log
  let kernel: Kernel
  let events: KernelEvents
  let reconciler: Reconciler
  let service = ServiceManager()
  let options: DaemonOptions

  var loaded: LoadedConfiguration
  var configurationError: String?
  var situation = Situation()
  var ledger: Ledger
  /// What the last pass wanted; nil before the first.
  var last: (decision: Decision, desired: DesiredState)?

  var prober: ExitProber?
  var wanProber: WANProber?
  /// The link that the exits' health was learnt through.
  var followed: InterfaceIndex?
  /// When exits were last chosen because time passes.
  var chosenAt = MonotonicTime(nanoseconds: 0)
  var zerotier: ZeroTierClient?
  var watch: ConfigurationWatch?
  var control: HTTPServer?
  var metrics: HTTPServer?
  var listenerProblems: [Finding] = []
  /// What the listeners were opened for.
  var openedStatus: StatusSettings?
  var openedMetrics: MetricsSettings?
  var listenerTrigger: EventSource?
  var sources: [EventSource] = []
  var retryTimer: EventSource?
  var resyncTimer: EventSource?
  var zerotierTimer: EventSource?
  var zerotierSoon: EventSource?
  /// What a pass left other than desired, or could not read: nothing opens while there is any.
  var unsettled: Domains = .resync
  /// Dirt that waits for the retry or for the pace of repairs, why, and until when.
  var pending: Domains = []
  var pendingCause = PassCause.retry
  var pendingDue = MonotonicTime(nanoseconds: 0)
  var pace: RepairPace
  var aftermath = Aftermath()
  var aftermathTrigger: EventSource?
  let history: EventHistory
  var historyTimer: EventSource?
  /// When it is written; nil: there is nothing to write.
  var historyDue: MonotonicTime?
  /// Netlink ports of those whose changes woke the loop last.
  var authors: Set<UInt32> = []
  /// Until when ZeroTier is asked often, for a tunnel that is expected.
  var eagerUntil = MonotonicTime(nanoseconds: 0)
  /// The configuration in force is kept as the last good one.
  var isSaved = false
  /// The last good configuration had another role: the parameters that it set may still be as it set them.
  var isRoleLeft = false
  var retryDelay: Duration = DaemonOptions.firstRetry

  var configuration: AgentConfiguration { loaded.configuration }

  init(_ loaded: LoadedConfiguration, _ options: DaemonOptions, log: Log) throws {
    self.loaded = loaded
    self.options = options
    self.log = log
    loop = try EventLoop()
    kernel = try Kernel()
    events = try KernelEvents(ignoring: kernel.ports)
    reconciler = Reconciler(kernel, as: .holder, noteFormer: SysctlRecord.keeper(log))
    ledger = Ledger()
    pace = RepairPace(now: loop.now.sinceBoot)
    history = EventHistory(in: options.stateDirectory, log)
  }

  // MARK: Starting and stopping

  /// Runs until SIGTERM or SIGINT. The kernel's state stays as it is.
  func run() throws {
    inherit()
    isRoleLeft = options.formerRole.map { $0 != configuration.roleName } ?? false
    try watchSignals()
    try watchKernel()
    retryTimer = try loop.onTrigger { [unowned self] in retry() }
    // A listener may not be closed from inside its own answer, so this waits for the loop's next round.
    listenerTrigger = try loop.onTrigger { [unowned self] in configureListeners() }
    zerotierSoon = try loop.onTrigger { [unowned self] in askZeroTier() }
    aftermathTrigger = try loop.onTrigger { [unowned self] in seeToAftermath() }
    historyTimer = try loop.onTrigger { [unowned self] in seeToHistory() }
    recordStart()
    try configure(replacing: nil)
    configureListeners()
    countFromHere()
    // What an earlier configuration left in other tables leads nobody anywhere; to find it takes time where others have
    // very many routes.
    pass(.resync, cause: .start)
    delay(.strayRoutes, until: DaemonOptions.strayPause, cause: .start)
    try startFeedingWatchdog()
    log.write(
      .notice, "started",
      [("role", "\(configuration.roleName)"), ("config", loaded.path), eventField(.started)])
    try loop.run()
    service.stopping()
    log.write(.notice, "stopped; the kernel's state stays as it is", [eventField(.stopped)])
    record(.stopped)
    _ = history.keep()
  }

  /// Takes up what a former run left open, if it was for the same network.
  private func inherit() {
    situation.inherit(from: kernel, configuration, formerNetwork: options.formerNetwork, log)
    situation.pin(options.pinnedExit, configuration, log)
    guard situation.word == .inherited else { return }
    log.write(.info, "a former run left the tunnel open; it stays open while nothing speaks against it")
  }

  private func watchSignals() throws(EventLoopError) {
    signal(SIGPIPE, SIG_IGN)
    for number in [SIGTERM, SIGINT] {
      sources.append(try loop.signal(number) { [unowned self] in loop.stop() })
    }
    sources.append(try loop.signal(SIGHUP) { [unowned self] in _ = reload(because: "SIGHUP") })
  }

  private func watchKernel() throws(EventLoopError) {
    for descriptor in events.descriptors {
      sources.append(try loop.watch(readable: descriptor, .urgent) { [unowned self] in kernelChanged() })
    }
  }

  private func startFeedingWatchdog() throws(EventLoopError) {
    guard let interval = service.watchdogInterval else { return }
    sources.append(try loop.every(interval) { [unowned self] in service.alive() })
  }

  // MARK: What wakes the loop

  private func kernelChanged() {
    let start = loop.now
    do throws(KernelError) {
      let batch = try events.drain(tables: Set((last?.desired.tables ?? [:]).keys))
      if batch.isOverrun {
        ledger.counters.recordNetlinkOverrun()
        log.write(.debug, "more events than could be read", [eventField(.overrun)])
        record(.overrun)
        return delay(.resync, until: DaemonOptions.overrunPause, cause: .overrun)
      }
      guard !batch.dirty.isEmpty else { return }
      if batch.dirty.contains(.links) { expectTunnel() }
      let wait = pace.wait(now: start.sinceBoot)
      authors = batch.authors
      guard wait == .zero else { return delay(batch.dirty, until: wait, cause: .event) }
      pass(batch.dirty, cause: .event, since: start, heard: batch)
      let late = batch.dirty.intersection(DaemonOptions.announcedEarly)
      if !late.isEmpty { delay(late, until: DaemonOptions.secondLook, cause: .retry) }
    } catch {
      log.write(.error, "\(error)")
      delay(.all, until: retryDelay, cause: .retry)
    }
  }

  private func retry() {
    let dirty = pending
    pending = []
    pass(dirty, cause: pendingCause)
  }

  /// Passes later, with all that has come up until then, at the earliest of the times that were asked for.
  func delay(_ dirty: Domains, until delay: Duration, cause: PassCause) {
    let due = loop.now + delay
    let isSooner = pending.isEmpty || due < pendingDue
    pending.formUnion(dirty)
    guard isSooner else { return }
    pendingCause = cause
    pendingDue = due
    rearm(retryTimer, after: delay)
  }

  func rearm(_ timer: EventSource?, after delay: Duration) {
    do throws(EventLoopError) { try timer?.rearm(after: delay) } catch {
      log.write(.error, "a timer failed: \(error)")
    }
  }
}

/// What `run` was told, and the agent's fixed times.
struct DaemonOptions {
  var configurationPath: String
  /// From the command line; nil: the configuration's.
  var socketPath: String?
  var stateDirectory: String
  /// The network of the last good configuration of the last run.
  var formerNetwork: ZeroTierNetworkID?
  /// The role of that configuration.
  var formerRole: Report.RoleName?
  /// That a person pinned for longer than a run.
  var pinnedExit: String?

  static let firstRetry = Duration.milliseconds(50)
  static let longestRetry = Duration.seconds(5)
  /// The kernel announces that an IPv4 route goes, or a link with its routes, just before it is out of its table
  /// (fib_table_delete() of net/ipv4/fib_trie.c), and since 6.9 a reader does not wait for the writer. Who is
  /// quick finds it still there, and hears no more of it.
  static let announcedEarly: Domains = [.routes, .mainDefaults]
  /// Longer than a writer is kept off its processor for.
  static let secondLook = Duration.milliseconds(5)
  /// After a link came or went while there is no tunnel, ZeroTier is asked so often, for so long.
  static let eagerPoll = Duration.milliseconds(250)
  static let eagerTime = Duration.seconds(10)
  /// An exit that has been healthy for long enough gets its traffic so much later at the most.
  static let choicePause = Duration.milliseconds(100)
  /// Events are written together, at most so often; those that go on again and again less often.
  static let historyPause = Duration.milliseconds(250)
  static let foldedPause = Duration.seconds(5)
  /// After the disk failed.
  static let historyRetry = Duration.seconds(30)
  /// After the start.
  static let strayPause = Duration.milliseconds(20)
  /// After lost events the kernel is busy; reading all of it at once again would not help.
  static let overrunPause = Duration.milliseconds(20)
}

/// Why a pass is made.
enum PassCause: String, CaseIterable {
  case start, event, interval, overrun, retry, configuration, zerotier, probe
}
