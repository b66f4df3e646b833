import Glibc
import JSON

/// How fast the agent repairs, what it costs at rest, and how soon it protects after its start: measured in a lab,
/// printed, and judged by nobody but the reader.
public struct Bench {
  public struct Options: Sendable {
    public var agent: String?
    public var rounds = 200
    /// How long the agent is watched at rest.
    public var rest = Duration.seconds(10)
    public var asJSON = false
    public init() {}
  }

  /// What is done to the agent's state, and what the kernel says when that and its repair happen.
  struct Kind: Sendable {
    let title: String
    let object: KernelEvent.Object
    let command: [String]
    /// Events from the first of the damage to the last of the repair.
    let events: Int

    static func all(device: String) -> [Kind] {
      [
        Kind(title: "rule deleted", object: .rule, "ip rule del priority 150", events: 2),
        Kind(title: "route deleted", object: .route, "ip route del throw 10.0.0.0/8 table 100", events: 2),
        Kind(
          title: "tunnel default deleted", object: .route, "ip route del default table 100 metric 0",
          events: 2),
        Kind(
          title: "tunnel default replaced", object: .route,
          "ip route replace default via 198.51.100.1 dev uplink0 table 100", events: 2),
        Kind(title: "table of 8 routes flushed", object: .route, "ip route flush table 100", events: 16),
        Kind(title: "ip_forward set to 0", object: .parameter, "sysctl -qw net.ipv4.ip_forward=0", events: 2),
        Kind(
          title: "rp_filter set to 1", object: .parameter, "sysctl -qw net/ipv4/conf/\(device)/rp_filter=1",
          events: 2),
      ]
    }

    private init(title: String, object: KernelEvent.Object, _ command: String, events: Int) {
      self.title = title
      self.object = object
      self.command = command.split(separator: " ").map(String.init)
      self.events = events
    }
  }

  /// 0 when everything could be measured.
  public static func run(_ options: Options) -> Int32 {
    do {
      let report = try Bench(options).measure()
      print(options.asJSON ? report.json.text : report.text)
      return 0
    } catch {
      print("The benchmark broke off: \(error)")
      return 1
    }
  }

  private let options: Options
  init(_ options: Options) { self.options = options }

  func measure() throws -> BenchReport {
    let lab = try Lab(.init(agent: options.agent))
    defer { lab.close() }
    // Polls as an operator has them, so that what is seen at rest is what a host pays.
    let usual = try lab.configuration(for: .gateway, metrics: "127.0.0.1:9479")
      .replacing("500ms", with: "2s").replacing("200ms", with: "1s").replacing("5s", with: "30s")
      .replacing("level: debug", with: "level: info")
    var report = BenchReport()
    try lab.startAgent(on: .cloudA).waitFor(phase: "ready", within: .seconds(10))
    report.start = try measureStart(lab, usual)
    let agent = try lab.startAgent(on: .gateway, configuration: usual)
    try agent.waitFor(phase: "ready", within: .seconds(10))
    report.footprint = try Footprint(of: agent, over: options.rest, in: lab)
    let device = try lab.zeroTier(.gateway).device
    for kind in Kind.all(device: device) { report.repairs.append(try measure(kind, lab, agent)) }
    return report
  }

  private func measure(_ kind: Kind, _ lab: Lab, _ agent: AgentProcess) throws -> BenchReport.Repair {
    var times: [Duration] = []
    let watch = try KernelWatch(.gateway, in: lab)
    for _ in 0..<options.rounds {
      let start = Moment.now
      try lab.namespace(.gateway).execute(kind.command).output()
      let found = eventually(within: .seconds(5), step: .microseconds(200)) { () -> Duration? in
        let events = watch.events(since: start).filter { $0.object == kind.object }
        guard events.count >= kind.events, let first = events.first, let last = events.last else {
          return nil
        }
        return last.time - first.time
      }
      guard let found else { throw LabError(kind.title, "not repaired after 5 s:\n\(agent.log)") }
      times.append(found)
    }
    try watch.stop()
    return BenchReport.Repair(title: kind.title, times: times.sorted())
  }

  /// From the start of the program to the first rule, and to the first answer of `status`, in an empty namespace.
  private func measureStart(_ lab: Lab, _ configuration: String) throws -> BenchReport.Start {
    var toGuard: [Duration] = []
    for _ in 0..<5 {
      let watch = try KernelWatch(.gateway, in: lab)
      let start = Moment.now
      let agent = try lab.startAgent(on: .gateway, configuration: configuration)
      let first = eventually(within: .seconds(5), step: .microseconds(200)) {
        watch.events(since: start).filter { $0.object == .rule }.dropFirst().first
      }
      guard let first else { throw LabError("starting the agent", "no rules after 5 s:\n\(agent.log)") }
      toGuard.append(first.time - start)
      _ = try agent.terminateAndWait()
      _ = try agent.run(["teardown", "--yes"])
      try watch.stop()
    }
    return BenchReport.Start(toGuard: toGuard.sorted())
  }
}
