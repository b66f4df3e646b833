import Glibc
import Lab

@main
struct Main {
  private static let usage = """
    usage: liteboxd-lab demo    shows the agent at work in network namespaces; needs root
           liteboxd-lab sweep   removes what a killed lab left behind
    """

  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    switch (arguments.first, arguments.count) {
    // What the lab runs on its nodes; nobody types it.
    case ("zerotier", _): exit(runZeroTierStandIn(arguments: Array(arguments.dropFirst())))
    case ("demo", 1):
      closeLabsOnSignals()
      exit(Demo.run())
    case ("sweep", 1): Lab.removeLeftovers()
    case ("--help", _):
      print(usage)
    default:
      report(usage)
      exit(64)
    }
  }
}
