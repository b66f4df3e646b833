import Foundation
import JSON
import Lab
import Testing

extension AgentProcess {
  /// A figure of /proc/PID/status in kilobytes; -1 if there is none.
  fileprivate func kilobytes(_ key: String) -> Int {
    let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("\(key):") }
    return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? -1
  }

  fileprivate var descriptors: Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? -1
  }

  fileprivate func limit(_ words: String...) throws {
    try Command(["prlimit", "--pid", "\(pid)"] + words).output()
  }
}

@Suite("S24: more events than the agent can read", .serialized)
struct OverrunTests {
  /// Foreign routes that come and go in one batch.
  private static let churn = (0..<20_000).flatMap { number in
    let prefix = "100.\(64 + number / 65_536).\(number / 256 % 256).\(number % 256)/32 table 7777"
    return ["route add blackhole \(prefix)", "route del blackhole \(prefix)"]
  }

  @Test("its own is repaired, full readings are few, and memory is bounded", arguments: Watchfulness.allCases)
  func churn(_ watchfulness: Watchfulness) throws {
    let stage = try Stage { $0.replacing("listen: \"off\"", with: "listen: \"127.0.0.1:9479\"") }
    let gateway = try stage.lab.namespace(.gateway)
    let before = try stage.state()
    let memory = stage.gateway.kilobytes("VmRSS")
    try stage.underTraffic { traffic in
      if watchfulness == .frozen { stage.gateway.freeze() }
      for _ in 0..<2 {
        try gateway.ip(batch: ["rule del priority 150"] + Self.churn + ["route del default table 101"])
        if watchfulness == .frozen { stage.gateway.thaw() }
        try stage.waitForState(before)
      }
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
    let overruns = try stage.metric("liteboxd_agent_netlink_overruns_total")
    if watchfulness == .frozen { #expect(overruns > 0) }
    let readings = try stage.metric("liteboxd_agent_resyncs_total{cause=\"overrun\"}")
    #expect(readings <= 20, "\(readings) for \(overruns)")
    let grown = stage.gateway.kilobytes("VmRSS") - memory
    #expect(grown < 64_000, "\(grown) kB")
    try stage.expectInSync()
  }
}

@Suite("S26: memory, descriptors or the disk are exhausted", .serialized)
struct ExhaustionTests {
  @Test(
    "a start with few descriptors ends with an error or works, and no way leads past the tunnel",
    arguments: [8, 12, 24])
  func few(_ count: Int) throws {
    let stage = try Stage()
    let before = try stage.state()
    try stage.underTraffic { traffic in
      stage.gateway.kill()
      let second = try stage.lab.startAgent(on: .gateway, wrapper: ["prlimit", "--nofile=\(count)"])
      stage.lab.letPass(.milliseconds(800))
      if !second.isRunning {
        let status = try second.wait(within: .seconds(1))
        if case .exited(let code) = status { #expect(code != 0) } else { Issue.record("\(status)") }
      }
      try stage.expectNoWayPast("\(count) descriptors")
      second.kill()
      try stage.expectNoWayPast("\(count) descriptors")
      try stage.lab.startAgent(on: .gateway).waitFor(phase: "ready", within: .seconds(5))
      try stage.waitForState(before)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    try stage.expectInSync()
  }

  @Test(
    "a restart that leaves none to ask with keeps a working tunnel open for a while, says so, and then closes"
  )
  func unasked() throws {
    let stage = try Stage()
    let before = try stage.state()
    try stage.underTraffic { traffic in
      stage.gateway.kill()
      // The first that the daemon cannot have is the probe's.
      let second = try stage.lab.startAgent(on: .gateway, wrapper: ["prlimit", "--nofile=12"])
      let told = eventually(within: .seconds(3)) {
        second.log.contains("exit cloud-a carries traffic and cannot be asked") ? true : nil
      }
      #expect(told == true && second.log.contains("an exit cannot be asked"), "\(second.log)")
      // Longer than failAfter probes: in this time it closed.
      stage.lab.letPass(.seconds(2))
      #expect(try stage.state() == before, "\(second.log)")
      #expect(traffic.report.longestGap < .seconds(1), "\(traffic.report)")
      // 11 × failAfter × interval is 6.6 s.
      let closed = try eventually(within: .seconds(12)) {
        try stage.lab.routeGet("8.8.8.8") == .blackhole ? true : nil
      }
      #expect(closed == true, "\(second.log)")
      second.kill()
      try stage.lab.startAgent(on: .gateway).waitFor(phase: "ready", within: .seconds(5))
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    try stage.waitForState(before)
  }

  @Test("with none left at run time it goes on repairing, and recovers when there are some again")
  func none() throws {
    let stage = try Stage()
    let before = try stage.state()
    try stage.underTraffic { traffic in
      try stage.gateway.limit("--nofile=\(stage.gateway.descriptors):4096")
      let crowd = try stage.lab.startCrowd(50, at: .unix(stage.gateway.program.socket))
      for line in ["rule del priority 150", "route flush table 101", "rule del priority 151"] {
        try stage.lab.namespace(.gateway).ip(line)
        stage.lab.letPass(.milliseconds(300))
        try stage.expectNoWayPast(line)
      }
      #expect(stage.gateway.isRunning && crowd.count == 50)
      try stage.gateway.limit("--nofile=1024:4096")
      try stage.waitForState(before)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    try stage.gateway.waitFor(phase: "ready", within: .seconds(8))
    try stage.expectInSync()
  }

  @Test("without memory it goes on or ends, and the kernel's state stays")
  func memory() throws {
    let stage = try Stage()
    let before = try stage.state()
    try stage.underTraffic { traffic in
      let size = stage.gateway.kilobytes("VmSize") * 1024
      try stage.gateway.limit("--as=\(size)")
      let head = "GET /status HTTP/1.1\r\nX: \(String(repeating: "y", count: 100_000))"
      var crowds: [Crowd] = []
      do {
        crowds.append(
          try stage.lab.startCrowd(
            100, at: .unix(stage.gateway.program.socket), saying: Array(head.utf8)))
      } catch let error as LabError {
        // It may end before all of them have come.
        let ended = eventually(within: .seconds(2)) { stage.gateway.isRunning ? nil : true }
        #expect(ended == true, "\(error)")
      }
      for _ in 0..<5 {
        stage.gateway.signal(SIGHUP)
        stage.lab.letPass(.milliseconds(100))
      }
      #expect(!crowds.isEmpty || !stage.gateway.isRunning)
      try stage.expectNoWayPast("no memory")
      try stage.waitForState(before)
      if stage.gateway.isRunning {
        try stage.gateway.limit("--as=unlimited")
      } else {
        try stage.restartGateway()
      }
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
    try stage.gateway.waitFor(phase: "ready", within: .seconds(5))
    try stage.expectInSync()
  }

  @Test("with a full disk it starts, repairs and takes a new configuration")
  func disk() throws {
    let stage = try Stage()
    let second = try stage.restartGatewayOnFullDisk()
    try second.waitForStatus("open", within: .seconds(5)) { $0["tunnelUp"] == true }
    let before = try stage.state()
    try stage.underTraffic { traffic in
      try stage.lab.namespace(.gateway).ip("rule del priority 150")
      try stage.waitForState(before)
      try second.program.rewrite(
        configuration: try stage.lab.configuration(for: .gateway).replacing(
          "  egressIP:", with: "  whenDown: prohibit\n  egressIP:"))
      let taken = try eventually(within: .seconds(3)) {
        try stage.state().contains("prohibit default") ? true : nil
      }
      #expect(taken == true, "\(second.log)")
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
    #expect(second.log.contains("ENOSPC"), "\(second.log)")
    #expect(second.isRunning)
  }
}

@Suite("S28: nothing happens for long", .serialized)
struct IdleTests {
  @Test("no netlink writes, flat memory and descriptors")
  func idle() throws {
    let stage = try Stage(adjusting: { $0.replacing("resyncInterval: 5s", with: "resyncInterval: 1s") })
    let agents = [stage.gateway, stage.cloud]
    stage.lab.letPass(.seconds(4))
    let watches = try [Node.gateway, .cloudA].map { try KernelWatch($0, in: stage.lab) }
    let before = agents.map { ($0.kilobytes("VmRSS"), $0.descriptors) }
    let passes = try stage.counter("reconcile", "total")
    stage.lab.letPass(.seconds(12))
    let after = agents.map { ($0.kilobytes("VmRSS"), $0.descriptors) }
    for watch in watches {
      try watch.stop()
      #expect(watch.events.isEmpty, "\(watch.events)")
    }
    for (old, new) in zip(before, after) {
      #expect(new.0 - old.0 <= 256 && new.1 == old.1, "\(old) to \(new)")
    }
    #expect(try stage.counter("reconcile", "total") - passes >= 10)
    #expect(try stage.counter("drift", "repairedTotal") == 0)
  }
}
