import Foundation
import Glibc
import Lab

/// Of user and system, in seconds (proc(5)).
func processorTime(of agent: AgentProcess) throws -> Double {
  let fields =
    try String(contentsOfFile: "/proc/\(agent.pid)/stat", encoding: .utf8).split(separator: ")").last?
    .split(separator: " ") ?? []
  guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return -1 }
  return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
}
