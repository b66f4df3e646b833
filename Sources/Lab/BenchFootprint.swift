import Glibc

extension BenchPart {
  static let footprint = BenchPart("footprint", "what the agent holds and does at rest, beside the C floor") {
    options in
    let lab = try Lab(.init(agent: options.agent))
    defer { lab.close() }
    let agent = try lab.startMeasuredGateway()
    lab.letPass(.seconds(1))
    let time = options.rest ?? options.time(.seconds(35), quick: .seconds(1))
    let found = try Footprint(of: agent.pid, over: time)
    agent.kill()
    let lines = try VerifiedLines(at: "\(lab.directory)/verified")
    let floor = try lab.startFloor(saying: lines)
    defer { floor.end() }
    let least = try Footprint(of: floor.pid, over: min(time, .seconds(10)))
    return [try found.section(of: agent.program.program, beside: least, Bench.Intervals())]
  }
}

/// What a process holds, and how often it woke while nothing happened.
struct Footprint {
  let residentKiB: Int
  let proportionalKiB: Int
  /// Its own, and nowhere else: neither in a file nor with another process.
  let dirtyKiB: Int
  let threads: Int
  let descriptors: Int
  let rest: Rest

  init(of pid: pid_t, over time: Duration) throws {
    let process = ProcessFiles(pid: pid)
    rest = try Rest(of: process, over: time)
    residentKiB = try process.number("status", "VmRSS:")
    proportionalKiB = try process.number("smaps_rollup", "Pss:")
    dirtyKiB = try process.number("smaps_rollup", "Private_Dirty:")
    threads = try process.number("status", "Threads:")
    descriptors = names(in: "\(process.directory)/fd").count
  }
}

/// What a process does while nothing happens.
struct Rest {
  let watched: Duration
  let wakeUps: Int
  /// Of one core.
  let cpuShare: Double

  init(of process: ProcessFiles, over time: Duration) throws {
    let before = try Reading(process)
    pause(time)
    self.init(from: before, to: try Reading(process))
  }

  init(from before: Reading, to after: Reading) {
    watched = after.moment - before.moment
    wakeUps = after.wakeUps - before.wakeUps
    cpuShare = (after.running - before.running) / watched
  }

  /// What counts up, at one moment.
  struct Reading {
    let moment = Moment.now
    let wakeUps: Int
    let running: Duration

    init(_ process: ProcessFiles) throws {
      wakeUps = try process.wakeUps()
      running = try process.running()
    }
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
  /// ZeroTier's own daemon at rest, of version 1.14.1, as it was measured once: 13 MB.
  private static let zeroTier = 13_000_000.0
  private static let mostMemory = 10_000_000.0
  private static let mostShare = 0.0005

  private var rows: [BenchRow] {
    [
      BenchRow("RSS", .bytes, Double(residentKiB) * 1024),
      BenchRow("PSS", .bytes, Double(proportionalKiB) * 1024),
      BenchRow("private and written to", .bytes, Double(dirtyKiB) * 1024),
      BenchRow("threads", .count, Double(threads)), BenchRow("descriptors", .count, Double(descriptors)),
      BenchRow("wake-ups in a second", .count, Double(rest.wakeUps) / rest.watched.seconds),
      BenchRow("of a core", .share, rest.cpuShare),
    ]
  }

  fileprivate func section(
    of program: String, beside floor: Footprint, _ intervals: Bench.Intervals
  ) throws -> BenchSection {
    var status = stat()
    guard stat(program, &status) == 0 else { throw LabError("looking at \(program)", errno: errno) }
    let libraries = try Command(["ldd", program]).output().split(separator: "\n").count
    let own = zip(rows, floor.rows).map { $0.beside($1, called: "the C floor") }
    let time = rest.watched
    let unasked: [(String, Double)] = [
      ("probes, each sent and answered", time / intervals.probe),
      ("rounds of three questions to ZeroTier", time / intervals.zeroTier),
      ("looks at the configuration's file", time / intervals.configuration),
      ("full readings of the kernel", time / intervals.resync),
    ]
    let resident = Double(residentKiB) * 1024
    return BenchSection(
      "at rest",
      own + [
        BenchRow("binary", .bytes, Double(status.st_size)), BenchRow("libraries", .count, Double(libraries)),
        BenchRow("zerotier-one's RSS, measured once", .bytes, Footprint.zeroTier),
      ],
      notes: [
        "in \(time.wholeSeconds) s, in which it was to make "
          + unasked.map { "\(threeDigits($1)) \($0)" }.joined(separator: ", ")
      ],
      goals: [
        BenchGoal("at rest: RSS", .bytes, resident, .below(Footprint.mostMemory)),
        BenchGoal("at rest: RSS beside zerotier-one's", .times, resident / Footprint.zeroTier, .below(1)),
        BenchGoal("at rest: of a core", .share, rest.cpuShare, .below(Footprint.mostShare)),
      ])
  }
}
