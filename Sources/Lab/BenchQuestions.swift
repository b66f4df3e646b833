import Glibc

extension BenchPart {
  static let questions = BenchPart(
    "questions", "repairs while status or metrics are asked for 1,000 times a second"
  ) { options in
    let lab = try Lab(.init(agent: options.agent))
    defer { lab.close() }
    let agent = try lab.startMeasuredGateway()
    lab.letPass(.seconds(1))
    return [try BenchQuestions(lab, agent, options.time(.seconds(10), quick: .seconds(1))).section()]
  }
}

/// Repairs beside questions.
struct BenchQuestions {
  private static let perSecond = 1000
  /// Repairs wait for the answer that is being made.
  private static let goal = 1.25

  private let lab: Lab
  private let agent: AgentProcess
  private let time: Duration

  init(_ lab: Lab, _ agent: AgentProcess, _ time: Duration) {
    self.lab = lab
    self.agent = agent
    self.time = time
  }

  private struct Asked {
    let times: [Duration]
    let counts: Askers.Counts
    let rate: Double
    let cpuShare: Double
  }

  private func ask(for path: String, at place: Crowd.Place) throws -> Asked {
    let process = ProcessFiles(pid: agent.pid)
    let before = try Rest.Reading(process)
    let askers = try Askers(BenchQuestions.perSecond, for: path, at: place, in: lab)
    let times = try lab.timeRuleRepairs(over: time)
    let rate = askers.rate
    let rest = try Rest(from: before, to: Rest.Reading(process))
    try askers.stop()
    return Asked(times: times, counts: askers.soFar, rate: rate, cpuShare: rest.cpuShare)
  }

  func section() throws -> BenchSection {
    let quiet = BenchRow("rule deleted, nobody asks", try lab.timeRuleRepairs(over: time))
    var section = BenchSection(
      "\(BenchQuestions.perSecond) questions a second, for \(time.wholeSeconds) s", [quiet])
    let status = try ask(for: "/status", at: .unix(agent.program.socket))
    append(status, "status", beside: quiet, to: &section)
    let metrics = try ask(for: "/metrics", at: .tcp(.gateway, port: 9479))
    append(metrics, "metrics", beside: quiet, to: &section)
    return section
  }

  private func append(_ found: Asked, _ name: String, beside quiet: BenchRow, to section: inout BenchSection)
  {
    let row = BenchRow("rule deleted, \(name) asked for", found.times)
    section.rows.append(row.beside(quiet))
    section.rows.append(BenchRow("\(name): questions", .other("questions/s"), found.rate))
    section.rows.append(BenchRow("\(name): agent, of a core", .share, found.cpuShare))
    section.notes.append("\(name): \(found.counts.answered) answered, \(found.counts.putOff) put off")
    var ratio: Double?
    if let late = row.p99, let base = quiet.p99, base > 0 { ratio = late / base }
    section.goals.append(
      BenchGoal(
        "\(name) asked for: repair, 99th percentile beside nobody asking", .times, ratio, .atMost(Self.goal)))
  }
}
