import Glibc

extension BenchPart {
  static let footprint = BenchPart("footprint", "what the agent holds and does at rest") { options in
    let lab = try Lab(.init(agent: options.agent))
    defer { lab.close() }
    let agent = try lab.startMeasuredGateway()
    lab.letPass(.seconds(1))
    let found = try Footprint(
      of: agent, over: options.time(.seconds(10), quick: .seconds(1)), Bench.Intervals())
    return [found.section]
  }
}

/// What a process holds, and how often it woke while nothing happened.
struct Footprint {
  let residentKiB: Int
  let proportionalKiB: Int
  let threads: Int
  let descriptors: Int
  let wakeUps: Int
  /// Of one core.
  let cpuShare: Double
  let watched: Duration
  let binaryBytes: Int
  /// Lines of ldd(1).
  let libraries: [String]
  /// What the agent was configured to do in that time, unasked.
  let expected: [(what: String, times: Double)]

  init(of agent: AgentProcess, over time: Duration, _ intervals: Bench.Intervals) throws {
    let process = ProcessFiles(pid: agent.pid)
    let rest = try Rest(of: process, over: time)
    watched = rest.watched
    wakeUps = rest.wakeUps
    cpuShare = rest.cpuShare
    residentKiB = try process.number("status", "VmRSS:")
    proportionalKiB = try process.number("smaps_rollup", "Pss:")
    threads = try process.number("status", "Threads:")
    descriptors = names(in: "\(process.directory)/fd").count
    let program = agent.program.program
    var status = stat()
    guard stat(program, &status) == 0 else { throw LabError("looking at \(program)", errno: errno) }
    binaryBytes = Int(status.st_size)
    libraries = try Command(["ldd", program]).output().split(separator: "\n").map(String.init)
    expected = [
      ("probes, each sent and answered", time / intervals.probe),
      ("rounds of three questions to ZeroTier", time / intervals.zeroTier),
      ("looks at the configuration's file", time / intervals.configuration),
      ("full readings of the kernel", time / intervals.resync),
    ]
  }
}

/// What a process does while nothing happens.
struct Rest {
  let watched: Duration
  let wakeUps: Int
  /// Of one core.
  let cpuShare: Double

  init(of process: ProcessFiles, over time: Duration) throws {
    let start = Moment.now
    let before = (wakes: try process.wakeUps(), running: try process.running())
    pause(time)
    let after = (wakes: try process.wakeUps(), running: try process.running())
    watched = Moment.now - start
    wakeUps = after.wakes - before.wakes
    cpuShare = (after.running - before.running) / watched
  }
}

/// proc(5) of one process.
struct ProcessFiles {
  let directory: String
  init(pid: pid_t) { directory = "/proc/\(pid)" }

  /// The first number of the line that begins so.
  func number(_ file: String, _ key: String) throws -> Int {
    let line = try readFile("\(directory)/\(file)").split(separator: "\n").first { $0.hasPrefix(key) }
    guard let words = line?.split(whereSeparator: \.isWhitespace), words.count > 1, let number = Int(words[1])
    else { throw LabError("reading \(directory)/\(file)", "no \(key)") }
    return number
  }

  /// Times that the threads have gone to sleep of their own accord.
  func wakeUps() throws -> Int {
    try names(in: "\(directory)/task").reduce(0) {
      $0 + (try number("task/\($1)/status", "voluntary_ctxt_switches:"))
    }
  }

  /// Time on a processor, from the scheduler's own account (sched-stats.rst): stat's clock ticks are too coarse.
  func running() throws -> Duration {
    try names(in: "\(directory)/task").reduce(.zero) { sum, task in
      let words = try readFile("\(directory)/task/\(task)/schedstat").split(separator: " ")
      guard let nanoseconds = words.first.flatMap({ Int64($0) }) else {
        throw LabError("reading \(directory)/task/\(task)/schedstat", "no number")
      }
      return sum + .nanoseconds(nanoseconds)
    }
  }
}

extension Footprint {
  fileprivate var section: BenchSection {
    let rows = [
      BenchRow("RSS", .bytes, Double(residentKiB) * 1024),
      BenchRow("PSS", .bytes, Double(proportionalKiB) * 1024),
      BenchRow("threads", .count, Double(threads)), BenchRow("descriptors", .count, Double(descriptors)),
      BenchRow("wake-ups", .count, Double(wakeUps)), BenchRow("of a core", .share, cpuShare),
      BenchRow("binary", .bytes, Double(binaryBytes)),
      BenchRow("libraries", .count, Double(libraries.count)),
    ]
    let unasked = expected.map { "\(threeDigits($0.times)) \($0.what)" }.joined(separator: ", ")
    return BenchSection(
      "at rest", rows, notes: ["in \(watched.wholeSeconds) s, in which it was to make \(unasked)"])
  }
}
