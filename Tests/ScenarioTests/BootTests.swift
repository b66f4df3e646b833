import JSON
import Lab
import Testing

@Suite("S35: the host boots under traffic that must not leave", .serialized)
struct BootTests {
  @Test("nothing leaks from power-on until it is ready, and then traffic flows")
  func boot() throws {
    let stage = try BootStage(isLate: true)
    try stage.underTraffic(from: .blocked) { traffic in
      try stage.machine.boot()
      try stage.agent.waitFor(phase: "ready", within: .seconds(10))
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    #expect(try stage.complaints() == "")
  }

  @Test("with the daemon masked nothing leaks, ever")
  func masked() throws {
    let stage = try BootStage(masked: [agentUnit], isLate: true)
    try stage.underTraffic(from: .blocked) { _ in
      try stage.machine.boot()
      stage.lab.letPass(.seconds(2))
      try stage.expectNoWayPast("the daemon is masked")
    }
    #expect(try stage.agent.status() == nil)
  }

  @Test("the control: without guard and daemon the same traffic leaks")
  func control() throws {
    let stage = try BootStage(masked: [guardUnit, agentUnit], isLate: true)
    let traffic = try stage.lab.startTraffic(BootStage.everyFlow, perSecond: 50)
    try stage.machine.boot()
    let leaks = try eventually(within: .seconds(5)) {
      let leaks = try stage.lab.leaks()
      return min(leaks.tcp, leaks.udp, leaks.icmp, leaks.ipv6) > 0 ? true : nil
    }
    try traffic.stop()
    #expect(leaks == true)
  }

  @Test(
    "what could start a sandbox's traffic does not start beside a guard that failed, and the network does")
  func failedGuard() throws {
    let stage = try BootStage()
    for unit in ["k3s", "kubelet", "containerd", "zerotier-one"] {
      try stage.machine.write(
        ContainerFile(
          "/etc/systemd/system/\(unit).service",
          "[Service]\nExecStart=sleep infinity\n[Install]\nWantedBy=multi-user.target\n"))
    }
    try stage.machine.boot()
    let configuration = try stage.machine.run("cat /etc/liteboxd/agent.yaml")
    try stage.machine.cutPower()
    // No former one stands in for it either.
    try stage.machine.write(ContainerFile("/etc/liteboxd/agent.yaml", "role: gatevay\n"))
    try stage.machine.write(ContainerFile("/var/lib/liteboxd/etc-liteboxd-agent.yaml", "role: gatevay\n"))
    try stage.machine.boot(expecting: .degraded)
    #expect(try stage.machine.run("systemctl is-failed \(guardUnit)") == "failed\n")
    #expect(try stage.machine.run("systemctl is-active network-pre.target") == "active\n")
    for unit in ["k3s", "kubelet", "containerd", "zerotier-one"] {
      let started = try stage.machine.execute(["systemctl", "start", unit]).run()
      #expect(started.status != .exited(0) && started.stderr.contains("dependency"), "\(unit): \(started)")
    }
    try stage.machine.write(ContainerFile("/etc/liteboxd/agent.yaml", configuration))
    try stage.machine.run("systemctl start k3s")
    #expect(try stage.machine.run("systemctl is-active \(guardUnit)") == "active\n")
  }

  @Test("without ZeroTier and its token it starts, and says what it waits for")
  func withoutZeroTier() throws {
    let stage = try BootStage(hasZeroTier: false)
    try stage.machine.boot()
    let status = try stage.agent.waitFor(phase: "blocked", within: .seconds(10))
    #expect(status["reasons"]?.array?.first?["code"] != nil, "\(status)")
    #expect(try stage.property("ActiveState") == "active")
  }
}

@Suite("S36: the host shuts down under traffic", .serialized)
struct ShutdownTests {
  @Test("the state stays until the kernel is gone, and nothing leaks")
  func shutdown() throws {
    let stage = try BootStage()
    try stage.machine.boot()
    try stage.agent.waitFor(phase: "ready", within: .seconds(10))
    let before = try stage.state()
    try stage.underTraffic { traffic in
      try stage.machine.powerOff()
      #expect(try stage.state() == before)
      stage.lab.letPass(.milliseconds(300))
      // Its tunnel is gone as well by then.
      try stage.lab.zeroTier(.gateway).kill()
      try stage.expectNoWayPast("the machine is off")
      stage.lab.letPass(.milliseconds(300))
      _ = traffic
    }
    try stage.lab.resetLeaks()
    try stage.lab.namespace(.gateway).nft("delete", "table", "inet", "liteboxd")
    try stage.lab.namespace(.gateway).ip("rule flush")
    try stage.lab.namespace(.gateway).ip("rule add priority 32766 lookup main")
    let traffic = try stage.lab.startTraffic(BootStage.everyFlow, perSecond: 50)
    let leaks = try eventually(within: .seconds(5)) { try stage.lab.leaks().total > 0 ? true : nil }
    try traffic.stop()
    #expect(leaks == true, "the control")
  }
}
