import Glibc
import JSON

/// How fast the agent repairs, what it costs at rest, how soon it protects after its start, and how it deals with
/// exits: measured in a lab, printed, and judged by nobody but the reader.
public struct Bench {
  public struct Options: Sendable {
    public var agent: String?
    /// Of each fault.
    public var rounds = 200
    /// Of quiet between two rounds. By default repairs are fewer than what the agent takes for a fight, and it is
    /// asleep when the fault comes.
    public var pause = Duration.milliseconds(25)
    /// Starts of the program.
    public var starts = 20
    /// How long the agent is watched at rest.
    public var rest = Duration.seconds(10)
    /// How long it is watched while it probes as many exits as it may have.
    public var probing = Duration.seconds(20)
    /// Of an exit, with and without another one; none: nothing is measured of exits.
    public var outages = 15
    public var asJSON = false
    public init() {}
  }

  /// 0 when everything could be measured.
  public static func run(_ options: Options) -> Int32 {
    do {
      let found = try measure(options)
      print(options.asJSON ? found.json.text : found.text)
      return 0
    } catch {
      report("The benchmark broke off: \(error)")
      return 1
    }
  }

  public static func measure(_ options: Options) throws -> BenchReport {
    var report = try measureOneExit(options)
    if options.outages > 0 { report.exits = try BenchExits.measure(options) }
    return report
  }

  private static func measureOneExit(_ options: Options) throws -> BenchReport {
    let lab = try Lab(.init(agent: options.agent))
    defer { lab.close() }
    let intervals = Intervals()
    let configuration = try lab.configuration(for: .gateway, intervals, metrics: "127.0.0.1:9479")
    try lab.startAgent(on: .cloudA).waitFor(phase: "ready", within: .seconds(10))
    let starts = try lab.measureStarts(options.starts, configuration)
    let agent = try lab.startAgent(on: .gateway, configuration: configuration)
    try agent.waitFor(phase: "ready", within: .seconds(10))
    lab.letPass(.seconds(1))
    let footprint = try Footprint(of: agent, over: options.rest, intervals)
    let repairs = try lab.measureRepairs(rounds: options.rounds, pause: options.pause, agent)
    return BenchReport(
      repairs: repairs, ownedTable: try lab.deleteOwnedTable(), starts: starts, footprint: footprint)
  }

  /// How often the measured agent looks at what nobody announces: the defaults.
  struct Intervals {
    let probe = Duration.seconds(1)
    let zeroTier = Duration.seconds(2)
    let configuration = Duration.seconds(2)
    let resync = Duration.seconds(30)
  }
}

extension Lab {
  /// The lab's own configuration of a node with these intervals, and nothing logged but what matters.
  func configuration(for node: Node, _ intervals: Bench.Intervals, metrics: String) throws -> String {
    let wanted = [
      "pollInterval": "\(intervals.zeroTier.wholeSeconds)s", "level": "info",
      "configPollInterval": "\(intervals.configuration.wholeSeconds)s",
      "resyncInterval": "\(intervals.resync.wholeSeconds)s",
      "interval": "\(intervals.probe.wholeSeconds)s", "timeout": "\(intervals.probe.wholeSeconds)s",
    ]
    let lines = try configuration(for: node, metrics: metrics).split(
      separator: "\n", omittingEmptySubsequences: false)
    return lines.map { line in
      let key = line.prefix { $0 != ":" }.drop { $0 == " " }
      guard let value = wanted[String(key)] else { return String(line) }
      return line.prefix { $0 != ":" } + ": " + value
    }.joined(separator: "\n")
  }

  /// Each fault, or the one of that title, so often. From the system call that does the damage, which is before
  /// anybody can know of it, to the announcement that all is as it was.
  public func measureRepairs(
    rounds: Int, pause: Duration, _ agent: AgentProcess, of wanted: String? = nil
  ) throws -> [BenchReport.Repair] {
    let device = try zeroTier(.gateway).device
    return try namespace(.gateway).inside {
      preferThisThread()
      let clock = try RepairClock(pause: pause)
      let faults = try BenchFault.all(device: device).filter { wanted == nil || $0.title == wanted }
      return try faults.map { fault in
        var times: [Duration] = []
        for _ in 0..<rounds {
          do { times.append(try clock.time(fault)) } catch {
            throw LabError("timing: \(fault.title)", "round \(times.count + 1): \(error)\n\(agent.log)")
          }
        }
        return BenchReport.Repair(title: fault.title, times: times.sorted())
      }
    }
  }

  /// What becomes of an attempt to delete the agent's nftables table.
  fileprivate func deleteOwnedTable() throws -> BenchReport.OwnedTable {
    let command = try namespace(.gateway).execute(["nft", "delete", "table", "inet", "liteboxd"])
    return try command.run().status == .exited(0) ? .deleted : .refused
  }
}

/// Does damage and waits for its repair. Stays on one thread, which hears the kernel itself.
private final class RepairClock {
  private let pause: Duration
  private let requests: RoutingSocket
  private let events: RoutingSocket

  init(pause: Duration) throws(LabError) {
    self.pause = pause
    requests = try RoutingSocket()
    events = try RoutingSocket(groups: BenchFault.groups)
    try events.setPatience(.seconds(5))
  }

  func time(_ fault: BenchFault) throws -> Duration {
    try requests.request(fault.prelude)
    try requests.acknowledge(fault.prelude.count)
    try events.settle(pause)
    let start = Moment.now
    let answers = try perform(fault.act)
    var missing = fault.restored
    while true {
      let heard = try events.receive()
      let now = Moment.now
      missing.subtract(heard)
      if missing.isEmpty {
        try requests.acknowledge(answers)
        return now - start
      }
    }
  }

  /// How many answers there are to read.
  private func perform(_ act: BenchFault.Act) throws -> Int {
    switch act {
    case .request(let messages, let flags):
      try requests.request(messages, flags)
      return messages.count
    case .write(let text, let file):
      let bytes = Array(text.utf8)
      guard pwrite(file.number, bytes, bytes.count, 0) == bytes.count else {
        throw LabError("setting a parameter", errno: errno)
      }
      return 0
    }
  }
}
