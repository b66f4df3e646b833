import Foundation
import JSON
import Lab
import Testing

/// `events --follow` as a person leaves it running: what it prints goes to a file.
private final class Follower {
  private let process = Process()
  private let output: URL
  private let errors: URL

  init(_ program: AgentProgram, _ options: String...) throws {
    let folder = URL(filePath: program.stateDirectory).deletingLastPathComponent()
    output = folder.appending(path: "follow-\(options.count).out")
    errors = folder.appending(path: "follow-\(options.count).err")
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = program.command(["events", "--follow"] + options).arguments
    process.environment = ProcessInfo.processInfo.environment.merging([
      "STATE_DIRECTORY": program.stateDirectory
    ]) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try Follower.handle(output)
    process.standardError = try Follower.handle(errors)
    try process.run()
  }

  private static func handle(_ url: URL) throws -> FileHandle {
    try Data().write(to: url)
    return try FileHandle(forWritingTo: url)
  }

  var lines: [String] { text(output).split(separator: "\n").map(String.init) }
  var said: String { text(errors) }

  private func text(_ url: URL) -> String { (try? String(contentsOf: url, encoding: .utf8)) ?? "" }

  /// What each line that is JSON says happened.
  func events() throws -> [JSONValue] { try lines.map { try JSONValue(parsing: $0.utf8) } }

  func waitFor(_ kind: String, after count: Int, within limit: Duration) throws -> Bool {
    try eventually(within: limit, step: .milliseconds(20)) {
      try events().dropFirst(count).contains { $0["event"]?.string == kind } ? true : nil
    } == true
  }

  deinit {
    // A child of a test's thread inherits that most signals wait.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }
}

extension RunningAgent {
  fileprivate func events() throws -> [JSONValue] {
    let result = try run(["events", "--json", "--all"])
    #expect(result.status == .exited(0) && result.stderr.isEmpty, "\(result)")
    return try JSONValue(parsing: result.stdout.utf8)["events"]?.array ?? []
  }

  /// Waits for an event of that kind that passes `test`.
  @discardableResult fileprivate func waitForEvent(
    _ kind: String, _ test: (JSONValue) -> Bool = { _ in true }
  ) throws -> JSONValue {
    let found = try eventually(within: .seconds(5), step: .milliseconds(50)) {
      try events().last { $0["event"]?.string == kind && test($0) }
    }
    let known = try events().map(\.text).joined(separator: "\n")
    return try #require(found, "no \(kind) among\n\(known)\n\(log)")
  }
}

@Suite("What happened is told by events", .serialized)
struct EventsTests {
  @Test("a repair, a switch, a refusal and a restart, in their order, to who asks and to who follows")
  func story() throws {
    let stage = try Stage(clouds: .two) { $0.replacing("failbackAfter: 2s", with: "failbackAfter: 1h") }
    let program = stage.gateway.program
    let follower = try Follower(program, "--json")
    #expect(try follower.waitFor("phase-changed", after: 0, within: .seconds(3)), "\(follower.said)")
    let before = follower.lines.count
    try stage.lab.namespace(.gateway).ip("rule del priority 150")
    #expect(try follower.waitFor("drift-repaired", after: before, within: .seconds(2)), "\(follower.said)")
    let repair = try stage.gateway.waitForEvent("drift-repaired")
    #expect(repair["changes"]?.array?.first?.string?.hasPrefix("ip rule add ") == true, "\(repair)")
    #expect(repair["by"]?.array?.count == 1 && repair["seconds"]?.number ?? 0 > 0, "\(repair)")
    try stage.lab.cut(.cloudA)
    let exchange = try stage.gateway.waitForEvent("exit-switched") {
      $0["from"] == ["cloud-a"] && $0["to"] == ["cloud-b"]
    }
    #expect(exchange["why"]?.string?.hasPrefix("cloud-a: ") == true, "\(exchange)")
    let good = try stage.lab.configuration(for: .gateway)
    try program.rewrite(configuration: good + "\u{1b}[2Jnonsense: 1\n")
    #expect(try stage.gateway.run(["reload"]).status == .exited(1))
    let refusal = try stage.gateway.waitForEvent("configuration-refused")
    #expect(refusal["error"]?.string?.contains("agent.yaml:") == true, "\(refusal)")
    try program.rewrite(configuration: good)
    _ = try stage.gateway.run(["reload"])
    #expect(try stage.gateway.terminateAndWait() == .exited(0))
    let alone = try program.run(["events"])
    #expect(alone.status == .exited(3) && alone.stderr.contains("asking the daemon at"), "\(alone)")
    let next = try stage.lab.startAgent(on: .gateway)
    try next.waitForStatus("traffic", within: .seconds(10)) { $0["tunnelUp"] == true }
    try expectStory(of: next, follower)
  }

  private func expectStory(of agent: AgentProcess, _ follower: Follower) throws {
    let events = try agent.events()
    let numbers = events.compactMap { $0["number"]?.integer }
    #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 } && numbers.count == events.count)
    var kinds = events.compactMap { $0["event"]?.string }[...]
    for kind in ["started", "drift-repaired", "exit-switched", "configuration-refused", "stopped", "started"]
    {
      let place = try #require(kinds.firstIndex(of: kind), "no \(kind) then in \(events)")
      kinds = kinds[(place + 1)...]
    }
    let page = try agent.run(["events"]).stdout
    #expect(page.contains("drift-repaired") && !page.contains("\u{1b}"), "\(page)")
    #expect(page.split(separator: "\n").count == min(50, events.count), "\(page)")
    #expect(
      try agent.run(["events", "--since", "2020-01-01T00:00:00Z"]).stdout.contains("configuration-refused"))
    #expect(try agent.run(["events", "--since", "2099-01-01T00:00:00Z"]).stdout.isEmpty)
    // The one that was there before the restart goes on after it.
    let caughtUp = try eventually(within: .seconds(4)) {
      try follower.events().filter { $0["event"] == "started" }.count >= 2 ? true : nil
    }
    #expect(caughtUp == true && follower.said.contains("the daemon was started again"), "\(follower.said)")
    let shown = try follower.events().filter { $0["event"] != "drift-repaired" }
      .compactMap { $0["number"]?.integer }
    #expect(Set(shown).count == shown.count && shown == shown.sorted(), "\(shown)")
    for line in agent.log.split(separator: "\n") where line.contains("repaired drift") {
      #expect(line.contains(" event=drift-repaired"), "\(line)")
    }
  }

  @Test("on a full disk the history goes on in memory, is told of once, and repairs are as quick")
  func disk() throws {
    let stage = try Stage()
    let agent = try stage.restartGatewayOnFullDisk()
    try agent.waitForStatus("open", within: .seconds(5)) { $0["tunnelUp"] == true }
    let before = try stage.state()
    for priority in [150, 151, 150] {
      try stage.lab.namespace(.gateway).ip("rule del priority \(priority)")
      try stage.waitForState(before)
      // Longer than the pause between two writes.
      stage.lab.letPass(.milliseconds(400))
    }
    // Two if ip was named both times, or neither: that is for the kernel's order of things.
    let repairs = try agent.events().filter { $0["event"] == "drift-repaired" }
    #expect(repairs.compactMap { $0["count"]?.integer }.reduce(0, +) == 3, "\(repairs)")
    let told = agent.log.split(separator: "\n").filter { $0.contains("the history of events is not kept") }
    #expect(told.count == 1 && told.first?.contains("ENOSPC") == true, "\(agent.log)")
    #expect(try agent.terminateAndWait() == .exited(0))
  }

  @Test("a process that is killed loses a moment at the most, and a torn line hurts no other")
  func torn() throws {
    let stage = try Stage()
    try stage.lab.namespace(.gateway).ip("rule del priority 150")
    try stage.gateway.waitForEvent("drift-repaired")
    stage.lab.letPass(.seconds(1))
    stage.gateway.kill()
    let file = URL(filePath: stage.gateway.program.stateDirectory).appending(path: ".events.jsonl")
    let handle = try FileHandle(forWritingTo: file)
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(#"{"number": 99, "first": 99, "eve"#.utf8))
    try handle.close()
    let next = try stage.lab.startAgent(on: .gateway)
    try next.waitFor(phase: "ready", within: .seconds(10))
    let kinds = try next.events().compactMap { $0["event"]?.string }
    #expect(kinds.filter { $0 == "started" }.count == 2 && kinds.contains("drift-repaired"), "\(kinds)")
    #expect(!kinds.contains("stopped"))
  }
}
