import Foundation
import JSON
import Lab
import Testing

/// A lab with an agent on the gateway and on the cloud server, both ready.
final class Stage: Scene {
  let lab: Lab
  private(set) var gateway: AgentProcess
  let cloud: AgentProcess
  /// nil with one cloud server.
  private(set) var otherCloud: AgentProcess?

  /// - Parameter adjusting: makes the gateway's configuration of the lab's own.
  init(clouds: CloudServers = .one, adjusting: (String) -> String = { $0 }) throws {
    lab = try Lab(.init(clouds: clouds))
    do {
      cloud = try lab.startAgent(on: .cloudA)
      if clouds == .two {
        otherCloud = try lab.startAgent(on: .cloudB)
        try otherCloud?.waitFor(phase: "ready", within: .seconds(10))
      }
      gateway = try lab.startAgent(
        on: .gateway, configuration: adjusting(try lab.configuration(for: .gateway)))
      try cloud.waitFor(phase: "ready", within: .seconds(10))
      try gateway.waitFor(phase: "ready", within: .seconds(10))
      if clouds == .two {
        try gateway.waitForHealthy(.cloudB)
      }
    } catch {
      lab.close()
      throw error
    }
  }

  deinit { lab.close() }

  /// Another run on the gateway, which knows nothing of what the exits did so far, with the same configuration.
  func restartGateway(environment: [String: String] = [:]) throws {
    gateway = try lab.restart(gateway, environment: environment)
  }

  /// Has the cloud server take the lab's own configuration with that line of the section `cloud` instead of the lab's.
  func reconfigureCloud(_ line: String) throws {
    let plain = try lab.configuration(for: .cloudA)
    try cloud.program.rewrite(configuration: plain.replacing("wanInterface: auto", with: line))
    let reload = try cloud.run(["reload"])
    #expect(reload.status == .exited(0), "\(reload)")
  }

  /// The control of what was under traffic: without the agent's state the same streams leak, and are counted.
  func expectLeaksUnprotected(_ flows: Set<TrafficFlow> = TrafficFlow.all) throws {
    gateway.kill()
    #expect(try gateway.run(["teardown", "--yes"]).status == .exited(0))
    try lab.resetLeaks()
    let traffic = try lab.startTraffic(flows, perSecond: 50)
    let leaks = try eventually(within: .seconds(3)) { try lab.leaks().total > 0 ? true : nil }
    try traffic.stop()
    #expect(leaks == true, "the control does not leak")
  }

  /// What keeps others from the agents' nftables tables here.
  func tableProtection() throws -> TableProtection { try .here(askedBy: gateway) }

  /// Another run on the gateway whose state directory takes nothing more.
  func restartGatewayOnFullDisk() throws -> AgentProcess {
    gateway.kill()
    let directory = gateway.program.stateDirectory
    // A disk that this agent alone sees: it goes with its mount namespace.
    let script = """
      mount -t tmpfs -o size=8k none \(directory) && head -c 100000 /dev/zero > \(directory)/fill 2>/dev/null
      exec "$@"
      """
    return try lab.startAgent(on: .gateway, wrapper: ["unshare", "--mount", "sh", "-c", script, "sh"])
  }

  /// `plan` says that nothing is to be done.
  func expectInSync(_ agent: AgentProcess? = nil, within limit: Duration = .seconds(3)) throws {
    try expectInSync(agent ?? gateway, within: limit)
  }

  func counter(_ path: String..., of agent: AgentProcess? = nil) throws -> Int64 {
    var value = try (agent ?? gateway).status()
    for key in path { value = value?[key] }
    return value?.integer ?? -1
  }

  /// One of the gateway's metrics, whose configuration has to serve them at 127.0.0.1:9479.
  func metric(_ name: String) throws -> Int {
    let page = try lab.namespace(.gateway).execute(["curl", "-sf", "http://127.0.0.1:9479/metrics"]).output()
    let line = page.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
    return line?.split(separator: " ").last.flatMap { Int($0) } ?? -1
  }

  /// Packets that each guard of the agent's has dropped.
  func guardDrops(of agent: AgentProcess) throws -> [String: Int64] {
    let drops = try agent.status()?["guardDrops"]?.array ?? []
    return Dictionary(
      drops.compactMap { drop in drop["guard"]?.string.map { ($0, drop["packets"]?.integer ?? -1) } }
    ) { first, _ in first }
  }
}

/// The listing without what the sets of gateways hold: that is not the agent's, and grows with the traffic.
func withoutGateways(_ listing: String) -> String {
  listing.components(separatedBy: "\tset ").map { block in
    guard block.hasPrefix("gateways_"), let elements = block.range(of: "elements = {"),
      let end = block.range(of: "}", range: elements.upperBound..<block.endIndex)
    else { return block }
    let rest = block[end.upperBound...].drop { $0.isWhitespace }
    return block[..<elements.lowerBound].trimmingCharacters(in: .whitespaces) + "\t" + rest
  }.joined(separator: "\tset ")
}

/// What `nft -s` lists of the agent's table, as text that is the same when the table is.
func contents(ofTable listing: String) -> String {
  // Who holds the table is shown in its first lines, and changes with each start.
  let lines = withoutGateways(listing).split(separator: "\n")
    .filter { !$0.hasPrefix("table ") && !$0.hasPrefix("\tflags ") }
  // Objects are listed in the order in which they were made, which is not theirs to keep.
  let objects = lines.reduce(into: [String]()) { objects, line in
    if line.hasPrefix("\t\t") || line.hasPrefix("\t}"), !objects.isEmpty {
      objects[objects.count - 1] += "\n\(line)"
    } else {
      objects.append(String(line))
    }
  }
  return objects.sorted().joined(separator: "\n")
}

/// Lines that only one of two texts has, for a message.
func difference(_ after: String, _ before: String) -> String {
  let (new, old) = (after.split(separator: "\n"), before.split(separator: "\n"))
  return
    (old.filter { !new.contains($0) }.map { "- \($0)" } + new.filter { !old.contains($0) }.map { "+ \($0)" })
    .joined(separator: "\n")
}
