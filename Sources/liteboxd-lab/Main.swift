import Glibc
import Lab

@main
struct Main {
  private static let usage = """
    usage: liteboxd-lab demo [--agent PATH]   shows the agent at work in network namespaces; needs root
           liteboxd-lab bench [--agent PATH] [--only PART,...] [--quick] [--rounds N] [--pause MS] [--outages N]
                              [--rest SECONDS] [--json FILE] [--compare FILE]
                                              measures, prints tables and goals; needs root. Writes the figures
                                              to FILE, and compares them with an earlier run's
           liteboxd-lab captures DIRECTORY [--agent PATH]
                                              writes docs/operator-view.md and docs/dashboard.svg anew; needs root
           liteboxd-lab order FILE [--agent PATH]
                                              writes there which functions the linker puts together; needs root
           liteboxd-lab sweep                 removes what a killed lab left behind
    The agent is PATH, or $LITEBOXD_AGENT, or the liteboxd-agent next to this program.
    Parts of the benchmark:
    \(BenchPart.all.map { "  \($0.name): \($0.about)" }.joined(separator: "\n"))
    """

  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    switch (arguments.first, arguments.count) {
    // What the lab runs on its nodes; nobody types it.
    case ("zerotier", _): exit(runZeroTierStandIn(arguments: Array(arguments.dropFirst())))
    case ("floor", _): exit(runFloor(arguments: Array(arguments.dropFirst())))
    case ("demo", 1): demo(agent: nil)
    case ("demo", 3) where arguments[1] == "--agent": demo(agent: arguments[2])
    case ("bench", _): bench(Array(arguments.dropFirst()))
    case ("captures", 2): captures(into: arguments[1], agent: nil)
    case ("captures", 4) where arguments[2] == "--agent": captures(into: arguments[1], agent: arguments[3])
    case ("order", 2): order(into: arguments[1], agent: nil)
    case ("order", 4) where arguments[2] == "--agent": order(into: arguments[1], agent: arguments[3])
    case ("sweep", 1): Lab.removeLeftovers()
    case ("--help", _):
      print(usage)
    default:
      report(usage)
      exit(64)
    }
  }

  private static func bench(_ arguments: [String]) -> Never {
    guard let options = benchOptions(arguments) else {
      report(usage)
      exit(64)
    }
    closeLabsOnSignals()
    exit(Bench.run(options))
  }

  /// nil: not to be understood.
  private static func benchOptions(_ arguments: [String]) -> Bench.Options? {
    var options = Bench.Options()
    var rest = arguments[...]
    while let word = rest.popFirst() {
      if word == "--quick" {
        options.isQuick = true
        continue
      }
      guard let value = rest.popFirst(), take(word, value, into: &options) else { return nil }
    }
    return options
  }

  private static func take(_ word: String, _ value: String, into options: inout Bench.Options) -> Bool {
    switch (word, Int(value)) {
    case ("--json", _): options.json = value
    case ("--compare", _): options.compare = value
    case ("--agent", _): options.agent = value
    case ("--rounds", let rounds?) where rounds > 0: options.rounds = rounds
    case ("--outages", let outages?) where outages > 0: options.outages = outages
    case ("--rest", let seconds?) where seconds > 0: options.rest = .seconds(seconds)
    case ("--pause", let pause?) where pause > 0: options.pause = .milliseconds(pause)
    case ("--only", _):
      let names = value.split(separator: ",")
      let parts = names.compactMap { BenchPart.named(String($0)) }
      guard !names.isEmpty, parts.count == names.count else { return false }
      options.only = parts
    default: return false
    }
    return true
  }

  private static func captures(into directory: String, agent: String?) -> Never {
    closeLabsOnSignals()
    exit(Captures.run(into: directory, agent: agent))
  }

  private static func order(into file: String, agent: String?) -> Never {
    closeLabsOnSignals()
    exit(FunctionOrder.run(into: file, agent: agent))
  }

  private static func demo(agent: String?) -> Never {
    closeLabsOnSignals()
    exit(Demo.run(agent: agent))
  }
}
