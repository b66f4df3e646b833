import Glibc
import Lab

@main
struct Main {
  private static let usage = """
    usage: liteboxd-lab demo [--agent PATH]   shows the agent at work in network namespaces; needs root
           liteboxd-lab bench [--agent PATH] [--rounds N] [--pause MS] [--outages N] [--json]
                                              measures repairs, footprint, start and exits; needs root
           liteboxd-lab captures DIRECTORY [--agent PATH]
                                              writes docs/operator-view.md and docs/dashboard.svg anew; needs root
           liteboxd-lab sweep                 removes what a killed lab left behind
    The agent is PATH, or $LITEBOXD_AGENT, or the liteboxd-agent next to this program.
    """

  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    switch (arguments.first, arguments.count) {
    // What the lab runs on its nodes; nobody types it.
    case ("zerotier", _): exit(runZeroTierStandIn(arguments: Array(arguments.dropFirst())))
    case ("demo", 1): demo(agent: nil)
    case ("demo", 3) where arguments[1] == "--agent": demo(agent: arguments[2])
    case ("bench", _): bench(Array(arguments.dropFirst()))
    case ("captures", 2): captures(into: arguments[1], agent: nil)
    case ("captures", 4) where arguments[2] == "--agent": captures(into: arguments[1], agent: arguments[3])
    case ("sweep", 1): Lab.removeLeftovers()
    case ("--help", _):
      print(usage)
    default:
      report(usage)
      exit(64)
    }
  }

  private static func bench(_ arguments: [String]) -> Never {
    var options = Bench.Options()
    var rest = arguments[...]
    while let word = rest.popFirst() {
      switch (word, rest.first, rest.first.flatMap { Int($0) }) {
      case ("--json", _, _): options.asJSON = true
      case ("--agent", let path?, _):
        options.agent = path
        rest = rest.dropFirst()
      case ("--rounds", _, let rounds?) where rounds > 0:
        options.rounds = rounds
        rest = rest.dropFirst()
      case ("--outages", _, let outages?) where outages >= 0:
        options.outages = outages
        rest = rest.dropFirst()
      case ("--pause", _, let pause?) where pause > 0:
        options.pause = .milliseconds(pause)
        rest = rest.dropFirst()
      default:
        report(usage)
        exit(64)
      }
    }
    closeLabsOnSignals()
    exit(Bench.run(options))
  }

  private static func captures(into directory: String, agent: String?) -> Never {
    closeLabsOnSignals()
    exit(Captures.run(into: directory, agent: agent))
  }

  private static func demo(agent: String?) -> Never {
    closeLabsOnSignals()
    exit(Demo.run(agent: agent))
  }
}
