import Agent
import Glibc

@main
struct Main {
  static func main() { exit(Tool.run(Array(CommandLine.arguments.dropFirst()))) }
}
