import Glibc
import Lab

@main
struct Main {
  private static let usage = """
    usage: liteboxd-lab demo [--agent PATH]   shows the agent at work in network namespaces; needs root
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
    case ("sweep", 1): Lab.removeLeftovers()
    case ("--help", _):
      print(usage)
    default:
      report(usage)
      exit(64)
    }
  }

  private static func demo(agent: String?) -> Never {
    closeLabsOnSignals()
    exit(Demo.run(agent: agent))
  }
}
