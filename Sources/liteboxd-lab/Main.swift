import Glibc
import Lab

@main
struct Main {
  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    switch arguments.first {
    case "zerotier": exit(runZeroTierStandIn(arguments: Array(arguments.dropFirst())))
    default:
      report("usage: liteboxd-lab zerotier")
      exit(64)
    }
  }
}
