import Glibc
import JSON

/// What a benchmark found.
struct BenchReport {
  struct Repair {
    let title: String
    /// Sorted.
    let times: [Duration]
  }

  struct Start {
    /// From exec to both rules in place, behind the guard and both tables; sorted.
    let toGuard: [Duration]
  }

  var repairs: [Repair] = []
  var start = Start(toGuard: [])
  var footprint: Footprint?

  static func quantile(_ sorted: [Duration], _ share: Double) -> Duration {
    guard !sorted.isEmpty else { return .zero }
    return sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
  }

  var text: String {
    var lines = [
      "from the kernel's event to the repair's, µs                 median      p90      p99      max"
    ]
    for repair in repairs {
      let figures = [0.5, 0.9, 0.99, 1].map {
        Self.column("\(Self.quantile(repair.times, $0).nanoseconds / 1000)")
      }
      lines.append("  \(repair.title.padding(to: 54))\(figures.joined())")
    }
    lines.append("  nftables objects: the kernel refuses others any change of the owned table")
    lines.append("")
    lines.append("from exec to fail-closed: median \(milliseconds(Self.quantile(start.toGuard, 0.5)))")
    if let footprint { lines += [""] + footprint.lines }
    return lines.joined(separator: "\n")
  }

  private static func column(_ text: String) -> String {
    String(repeating: " ", count: max(1, 9 - text.count)) + text
  }

  var json: JSONValue {
    let repairs = repairs.map { repair -> JSONValue in
      let figures = [("median", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)].map { name, share in
        JSONValue.Member(name, .number(Self.quantile(repair.times, share).seconds))
      }
      return .object(
        [.init("kind", .string(repair.title)), .init("rounds", .integer(Int64(repair.times.count)))] + figures
      )
    }
    return .object([
      .init("repairSeconds", .array(repairs)),
      .init("execToFailClosedSeconds", .number(Self.quantile(start.toGuard, 0.5).seconds)),
      .init("footprint", footprint?.json ?? .null),
    ])
  }
}

/// What a process holds, and how often it woke while nothing happened.
struct Footprint {
  let residentKiB: Int
  let proportionalKiB: Int
  let threads: Int
  let descriptors: Int
  let wakeUpsPerSecond: Double
  let cpuShare: Double

  init(of agent: AgentProcess, over time: Duration, in lab: Lab) throws {
    let process = "/proc/\(agent.pid)"
    func number(_ file: String, _ key: String) throws -> Int {
      let line = try readFile("\(process)/\(file)").split(separator: "\n").first { $0.hasPrefix(key) }
      return line.flatMap { Int($0.split(whereSeparator: \.isWhitespace).dropFirst().first ?? "") } ?? 0
    }
    func ticks() throws -> Int {
      // Fields 14 and 15 of proc(5)'s stat, counted behind the command's name in parentheses.
      let fields = try readFile("\(process)/stat").split(separator: ")").last?.split(separator: " ") ?? []
      return fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : 0
    }
    let before = (try number("status", "voluntary_ctxt_switches:"), try ticks())
    lab.letPass(time)
    let after = (try number("status", "voluntary_ctxt_switches:"), try ticks())
    wakeUpsPerSecond = Double(after.0 - before.0) / time.seconds
    cpuShare = Double(after.1 - before.1) / Double(sysconf(Int32(_SC_CLK_TCK))) / time.seconds
    residentKiB = try number("status", "VmRSS:")
    proportionalKiB = try number("smaps_rollup", "Pss:")
    threads = try number("status", "Threads:")
    descriptors = try Command(["ls", "\(process)/fd"]).output().split(separator: "\n").count
  }

  var lines: [String] {
    let wakes = (wakeUpsPerSecond * 10).rounded() / 10
    return [
      "at rest: RSS \(residentKiB) KiB, PSS \(proportionalKiB) KiB, \(threads) thread(s), \(descriptors) descriptors",
      "         \(wakes) wake-ups a second, \((cpuShare * 10_000).rounded() / 100) % of a core",
    ]
  }

  var json: JSONValue {
    [
      "residentKiB": .integer(Int64(residentKiB)), "proportionalKiB": .integer(Int64(proportionalKiB)),
      "threads": .integer(Int64(threads)), "descriptors": .integer(Int64(descriptors)),
      "wakeUpsPerSecond": .number(wakeUpsPerSecond), "cpuShare": .number(cpuShare),
    ]
  }
}

extension String {
  fileprivate func padding(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
