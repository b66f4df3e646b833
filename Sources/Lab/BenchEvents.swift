import Glibc

extension BenchPart {
  static let events = BenchPart(
    "events", "repairs and memory while foreign routes change 100,000 times a second"
  ) { options in
    let lab = try Lab(.init(agent: options.agent))
    defer { lab.close() }
    let agent = try lab.startMeasuredGateway()
    lab.letPass(.seconds(1))
    return [try BenchEvents(lab, agent, options.time(.seconds(10), quick: .seconds(1))).section]
  }
}

/// Repairs beside a storm of events.
struct BenchEvents {
  static let wantedRate = 100_000
  private static let goal = 0.05

  private let quiet: [Duration]
  private let storm: [Duration]
  private let rate: Double
  private let rest: Rest
  private let residentBefore: Int
  private let residentPeak: Int

  init(_ lab: Lab, _ agent: AgentProcess, _ time: Duration) throws {
    let process = ProcessFiles(pid: agent.pid)
    quiet = try lab.timeRuleRepairs(over: time)
    residentBefore = try process.number("status", "VmRSS:")
    // proc(5): the peak begins anew.
    try writeFile("\(process.directory)/clear_refs", "5", creating: .no)
    let before = try Rest.Reading(process)
    let events = try RouteStorm(BenchEvents.wantedRate, on: .gateway, in: lab)
    storm = try lab.timeRuleRepairs(over: time)
    rate = events.rate
    rest = try Rest(from: before, to: Rest.Reading(process))
    try events.stop()
    residentPeak = try process.number("status", "VmHWM:")
  }

  var section: BenchSection {
    let quiet = BenchRow("rule deleted, quiet", quiet)
    let storm = BenchRow("rule deleted, in the storm", storm)
    let rows = [
      quiet, storm.beside(quiet), BenchRow("foreign route changes", .other("events/s"), rate),
      BenchRow("agent, of a core", .share, rest.cpuShare),
      BenchRow("RSS before", .bytes, Double(residentBefore) * 1024),
      BenchRow("RSS, the peak in it", .bytes, Double(residentPeak) * 1024),
    ]
    return BenchSection(
      "\(BenchEvents.wantedRate) foreign route changes a second, for \(rest.watched.wholeSeconds) s", rows,
      notes: ["until the kernel announces the rule again; one thread makes the changes, in batches of 200"],
      goals: [
        BenchGoal(
          "a storm of events: repair, 99th percentile", .seconds, storm.p99, .below(BenchEvents.goal)),
        BenchGoal(
          "a storm of events: RSS beside before", .times, Double(residentPeak) / Double(residentBefore),
          .atMost(1.25)),
      ])
  }
}
