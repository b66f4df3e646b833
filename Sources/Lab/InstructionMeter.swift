import Glibc

/// A gateway's agent under valgrind's callgrind, which counts the instructions that it executes: the one figure of what
/// something takes that no other load of the machine changes. The agent is slower then, some fifty times.
public struct InstructionMeter {
  public let agent: AgentProcess
  private let lab: Lab
  private let directory: String
  private var dumps = 0

  public static var isAvailable: Bool { access("/usr/bin/valgrind", X_OK) == 0 }

  /// Returns when the agent is ready, and the first pass and its aftermath are over.
  public init(_ lab: Lab) throws {
    self.lab = lab
    directory = "\(lab.directory)/callgrind"
    try makeDirectory(directory)
    try lab.startAgent(on: .cloudA).waitFor(phase: "ready", within: .seconds(10))
    agent = try lab.startAgent(
      on: .gateway, configuration: lab.configuration(for: .gateway, Bench.Intervals(), metrics: "off"),
      wrapper: [
        "/usr/bin/valgrind", "--tool=callgrind", "--demangle=no", "--callgrind-out-file=\(directory)/out",
        "--vgdb-prefix=\(directory)/vgdb",
      ])
    try agent.waitFor(phase: "ready", within: .seconds(60))
    lab.letPass(.seconds(2))
  }

  /// What the agent executes while `body` runs.
  public mutating func count(during body: () throws -> Void) throws -> Int {
    _ = try dump()
    try body()
    return try dump().instructions
  }

  /// What was executed since the last dump, or since the start, and the file that says it.
  mutating func dump() throws -> (instructions: Int, file: String) {
    dumps += 1
    try Command(["vgdb", "--vgdb-prefix=\(directory)/vgdb", "--pid=\(agent.pid)", "dump"]).output()
    let path = "\(directory)/out.\(dumps)"
    // The format of callgrind's output, "totals:".
    let line = try readFile(path).split(separator: "\n").last { $0.hasPrefix("totals:") }
    guard let count = line?.split(separator: " ").last.flatMap({ Int($0) }) else {
      throw LabError("reading \(path)", "no totals")
    }
    return (count, path)
  }
}

/// What the agent executes for what it does most.
public struct InstructionCounts: Sendable {
  /// In two seconds of rest: a round of questions to ZeroTier, two probes, a look at the configuration's file.
  public let rest: Int
  /// For the repair of one deleted rule, verified, logged and recorded.
  public let repair: Int

  /// - Parameters:
  ///   - periods: of two seconds each.
  ///   - repairs: few enough to be no fight.
  public init(_ lab: Lab, periods: Int = 5, repairs: Int = 20) throws {
    var meter = try InstructionMeter(lab)
    let start = Moment.now
    let resting = try meter.count { lab.letPass(.seconds(2 * periods)) }
    let perSecond = Double(resting) / (Moment.now - start).seconds
    let began = Moment.now
    let agent = meter.agent
    let repairing = try meter.count {
      _ = try lab.measureRepairs(
        rounds: repairs, pause: .milliseconds(100), agent, of: "rule deleted")
    }
    let rested = perSecond * (Moment.now - began).seconds
    rest = Int(2 * perSecond)
    repair = Int((Double(repairing) - rested) / Double(repairs))
  }
}

extension BenchPart {
  static let instructions = BenchPart(
    "instructions", "instructions of the agent for one repair and for two seconds of rest"
  ) { options in
    guard InstructionMeter.isAvailable else {
      let missing = BenchRow.Figure.none("valgrind is missing; run make packaging")
      return [section(rest: missing, repair: missing)]
    }
    let lab = try Lab(.init(agent: options.agent))
    defer { lab.close() }
    let counts = try InstructionCounts(
      lab, periods: options.count(5, quick: 1), repairs: options.count(20, quick: 3))
    return [section(rest: .single(Double(counts.rest)), repair: .single(Double(counts.repair)))]
  }

  private static func section(rest: BenchRow.Figure, repair: BenchRow.Figure) -> BenchSection {
    BenchSection(
      "instructions, by callgrind",
      [
        BenchRow("two seconds of rest", .other("instructions"), rest),
        BenchRow("one deleted rule's repair", .other("instructions"), repair),
      ],
      notes: ["rest: one round of questions to ZeroTier, two probes, one look at the configuration's file"])
  }
}
