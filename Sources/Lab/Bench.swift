import JSON

/// How fast the agent repairs, what it costs, and how soon it protects: measured in a lab beside what it could be
/// compared with, printed, and held against its goals.
public enum Bench {
  public struct Options: Sendable {
    public var agent: String?
    /// What to measure; nil: everything.
    public var only: [BenchPart]?
    /// Few rounds of everything: whether it can be measured, not how much it is.
    public var isQuick = false
    /// Of each fault; nil: as many as each part takes for itself.
    public var rounds: Int?
    /// Of quiet between two rounds. By default repairs are fewer than what the agent takes for a fight, and it is
    /// asleep when the fault comes.
    public var pause = Duration.milliseconds(25)
    /// Of an exit, with and without another one.
    public var outages: Int?
    /// How long the agent is watched at rest.
    public var rest: Duration?
    /// Where the figures are written, as JSON.
    public var json: String?
    /// An earlier run's figures, from such a file.
    public var compare: String?
    public init() {}

    /// How often something is done: as asked for, else by the choice between a full and a quick run.
    func count(_ full: Int, quick: Int, asked: Int? = nil) -> Int { asked ?? (isQuick ? quick : full) }

    /// For how long something is watched.
    func time(_ full: Duration, quick: Duration) -> Duration { isQuick ? quick : full }
  }

  /// 0 when everything could be measured, whatever came of it.
  public static func run(_ options: Options) -> Int32 {
    do {
      // Before the measuring: the file that is compared with may be the one that is written, and may be unreadable.
      let before = try options.compare.map { try BenchReport(savedAt: $0) }
      let found = try measure(options) { report("measuring: \($0.about)") }
      if let path = options.json { try found.save(at: path) }
      print(found.text(before: before))
      return 0
    } catch {
      report("The benchmark broke off: \(error)")
      return 1
    }
  }

  /// - Parameter beginning: told of each part before it is measured.
  public static func measure(
    _ options: Options, beginning: (BenchPart) -> Void = { _ in }
  ) throws -> BenchReport {
    var parts: [BenchReport.Part] = []
    for part in options.only ?? BenchPart.all {
      beginning(part)
      let start = Moment.now
      let sections = try part.measure(options)
      parts.append(.init(name: part.name, sections: sections, took: Moment.now - start))
    }
    return BenchReport(parts: parts)
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

  /// A gateway's agent at work as on any host, behind a cloud server that answers.
  func startMeasuredGateway(_ configuration: String? = nil, wrapper: [String] = []) throws -> AgentProcess {
    try startAgent(on: .cloudA).waitFor(phase: "ready", within: .seconds(10))
    let text =
      try configuration ?? self.configuration(for: .gateway, Bench.Intervals(), metrics: "127.0.0.1:9479")
    let agent = try startAgent(on: .gateway, configuration: text, wrapper: wrapper)
    try agent.waitFor(phase: "ready", within: .seconds(10))
    return agent
  }
}
