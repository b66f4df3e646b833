import Glibc
import JSON

/// What a process holds, and how often it woke while nothing happened.
public struct Footprint: Sendable {
  public let residentKiB: Int
  public let proportionalKiB: Int
  public let threads: Int
  public let descriptors: Int
  public let wakeUps: Int
  /// Of one core.
  public let cpuShare: Double
  public let watched: Duration
  public let binaryBytes: Int
  /// Lines of ldd(1).
  public let libraries: [String]
  /// What the agent was configured to do in that time, unasked.
  public let expected: [(what: String, times: Double)]

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
  var lines: [String] {
    [
      "at rest for \(watched.wholeSeconds) s",
      "  RSS \(residentKiB) KiB, PSS \(proportionalKiB) KiB, \(threads) thread(s), \(descriptors) descriptors",
      "  \(wakeUps) wake-ups, \(percent(cpuShare)) % of a core; in that time it was to make",
    ] + expected.map { "    \(($0.times * 10).rounded() / 10) \($0.what)" } + [
      "  binary of \(binaryBytes) bytes, \(libraries.count) lines of ldd:"
    ] + libraries.map { "    \($0.split(whereSeparator: \.isWhitespace).joined(separator: " "))" }
  }

  var json: JSONValue {
    [
      "seconds": .number(watched.seconds), "residentKiB": .integer(Int64(residentKiB)),
      "proportionalKiB": .integer(Int64(proportionalKiB)), "threads": .integer(Int64(threads)),
      "descriptors": .integer(Int64(descriptors)), "wakeUps": .integer(Int64(wakeUps)),
      "cpuShare": .number(cpuShare), "binaryBytes": .integer(Int64(binaryBytes)),
      "libraries": .integer(Int64(libraries.count)),
    ]
  }
}
