import Glibc
import JSON
import Lab
import Testing

@Suite("S29: the configuration file is broken", .serialized)
struct BrokenConfigurationTests {
  @Test("the last good one stays in force, also across a restart, and status says where the error is")
  func broken() throws {
    let stage = try Stage()
    let before = try stage.state()
    let good = try stage.lab.configuration(for: .gateway)
    let path = stage.gateway.program.configurationPath
    let breaks: [(String, () throws -> Void)] = [
      ("unknown key", { try stage.gateway.program.rewrite(configuration: good + "nonsense: 1\n") }),
      ("empty; expected", { try stage.gateway.program.rewrite(configuration: "") }),
      ("is a directory", { try Command(["sh", "-c", "rm \(path); mkdir \(path)"]).output() }),
      ("is a FIFO", { try Command(["sh", "-c", "rmdir \(path); mkfifo \(path)"]).output() }),
      ("ENOENT", { try Command(["rm", path]).output() }),
      (
        "may be written by everybody",
        {
          try stage.gateway.program.rewrite(configuration: good)
          try Command(["chmod", "0666", path]).output()
        }
      ),
    ]
    for (expected, damage) in breaks {
      try damage()
      try stage.gateway.waitForStatus("the error \(expected)", within: .seconds(3)) {
        $0["config"]?["error"]?.string?.contains(expected) ?? false && $0["phase"] == "degraded"
      }
      let reload = try stage.gateway.run(["reload", "--socket", stage.gateway.program.socket])
      #expect(reload.status == .exited(1) && reload.stderr.contains(expected), "\(reload.stderr)")
      #expect(try stage.state() == before)
    }
    stage.gateway.kill()
    let second = try stage.lab.startAgent(on: .gateway, configuration: "role: nothing\n")
    try second.waitFor(phase: "degraded", within: .seconds(5))
    #expect(try stage.state() == before)
    try second.program.rewrite(configuration: good)
    try second.waitFor(phase: "ready", within: .seconds(3))
  }

  @Test("a first start without a good one exits with 78 and the position")
  func first() throws {
    let lab = try Lab()
    defer { lab.close() }
    let program = try lab.agentProgram(
      on: .gateway, configuration: "role: gateway\nzerotier:\n  networkID: 12\n")
    for command in ["run", "check", "apply", "guard"] {
      let result = try program.run([command])
      #expect(result.status == .exited(78), "\(command): \(result)")
      #expect(result.stderr.contains(":3:14: zerotier.networkID:"), "\(command): \(result.stderr)")
    }
  }

  @Test(
    "without a capability it says which and for what, and touches nothing",
    arguments: ["net_admin", "net_raw"])
  func capability(_ name: String) throws {
    let lab = try Lab()
    defer { lab.close() }
    let program = try lab.agentProgram(on: .gateway)
    let result = try program.command(["run"], wrapper: ["setpriv", "--bounding-set=-\(name)"]).run()
    #expect(result.status == .exited(1))
    #expect(
      result.stderr.contains("CAP_\(name.uppercased()) is missing: it is needed for "), "\(result.stderr)")
    #expect(try !lab.namespace(.gateway).ip("rule show").contains("10.147.17.1"))
  }

  @Test("a symbolic link that is exchanged, as Kubernetes does, is followed")
  func linkSwap() throws {
    let stage = try Stage()
    let good = try stage.lab.configuration(for: .gateway)
    let path = stage.gateway.program.configurationPath
    let changed = good.replacing("  egressIP:", with: "  whenDown: prohibit\n  egressIP:")
    try Command(["mkdir", "\(path).d"]).output()
    try Command(["tee", "\(path).d/new"], input: changed).output()
    try Command(["sh", "-c", "ln -s \(path).d/new \(path).link && mv -T \(path).link \(path)"]).output()
    let taken = try eventually(within: .seconds(3)) {
      try stage.state().contains("prohibit default") ? true : nil
    }
    #expect(taken == true, "\(stage.gateway.log)")
    try stage.expectInSync()
  }
}

@Suite("S31: ZeroTier's API fails", .serialized)
struct APIFaultTests {
  @Test(
    "the tunnel stays open, degraded, and repairs go on",
    arguments: ZeroTierAPIFault.allCases.filter { $0 != .normal && $0 != .emptyList })
  func fault(_ fault: ZeroTierAPIFault) throws {
    let stage = try Stage()
    let before = try stage.state()
    try stage.underTraffic { traffic in
      try stage.lab.zeroTier(.gateway).tell(.api(fault))
      let status = try stage.gateway.waitFor(phase: "degraded", within: .seconds(5))
      #expect(status["reasons"]?.array?.first?["code"]?.string?.hasPrefix("zerotier-api-") == true)
      let watch = try KernelWatch(.gateway, in: stage.lab)
      for _ in 0..<10 {
        let start = Moment.now
        try stage.lab.namespace(.gateway).ip("rule del priority 150")
        let time = eventually(within: .seconds(2)) { watch.repairTime(since: start, of: .rule) }
        #expect(try #require(time) < .milliseconds(100))
      }
      try watch.stop()
      try stage.waitForState(before)
      #expect(try stage.gateway.status()?["phase"] == "degraded")
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
      try stage.lab.zeroTier(.gateway).tell(.api(.normal))
      try stage.gateway.waitFor(phase: "ready", within: .seconds(5))
    }
  }

  @Test(
    "an API that is silent at the start keeps it blocked until it answers, and a new token and port are found"
  )
  func atStart() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.openCloudByHand(.cloudA)
    let zerotier = try lab.zeroTier(.gateway)
    try zerotier.tell(.api(.refused))
    let configuration = try lab.configuration(for: .gateway).replacing(
      "  api: http://127.0.0.1:9993\n", with: "")
    let agent = try lab.startAgent(on: .gateway, configuration: configuration)
    try agent.waitFor(phase: "blocked", within: .seconds(3))
    try zerotier.tell(.api(.normal))
    try agent.waitFor(phase: "ready", within: .seconds(5))
    try zerotier.tell(.token("another-token-of-24-chars"))
    try zerotier.tell(.apiPort(9994))
    lab.letPass(.seconds(1))
    try agent.waitFor(phase: "ready", within: .seconds(5))
  }
}
