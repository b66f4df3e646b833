import Glibc
import JSON
import Lab
import Testing

/// A gateway with a systemd of its own, whose network comes up as late in its boot as a network does.
private final class BootStage: Scene {
  let lab: Lab
  let machine: Container
  let agent: AgentUnit
  let cloud: AgentProcess

  /// - Parameters:
  ///   - masked: units of the agent's that never start.
  ///   - isLate: the uplink is down until network-pre.target has been reached, as after power-on.
  init(masked: [String] = [], isLate: Bool = false, dropIn: String? = nil, hasZeroTier: Bool = true) throws {
    lab = try Lab()
    do {
      cloud = try lab.startAgent(on: .cloudA)
      try cloud.waitFor(phase: "ready", within: .seconds(10))
      var setup = try Container.Setup.agent(on: .gateway, in: lab, units: ManagedStage.shipped("systemd"))
      setup.enabled.removeAll { masked.contains($0) }
      setup.masked = masked
      if !hasZeroTier { setup.directories = [:] }
      if isLate { try Self.delayNetwork(of: lab, &setup) }
      if let dropIn {
        setup.files.append(ContainerFile("/etc/systemd/system/liteboxd-agent.service.d/test.conf", dropIn))
      }
      machine = try Container(on: .gateway, in: lab, setup)
      agent = AgentUnit(in: machine)
    } catch {
      lab.close()
      throw error
    }
  }

  deinit { lab.close() }

  /// Takes the uplink away, and has the machine bring it up as a network manager would.
  private static func delayNetwork(of lab: Lab, _ setup: inout Container.Setup) throws {
    let gateway = try lab.namespace(.gateway)
    let ways = try ["-4", "-6"].flatMap { family in
      try gateway.ip("\(family) route show default").split(separator: "\n").map {
        "ExecStart=ip \(family) route replace \($0)"
      }
    }
    try gateway.setSysctls(["net.ipv6.conf.uplink0.keep_addr_on_down": "1"])
    try gateway.ip("link set uplink0 down")
    let unit = """
      [Unit]
      DefaultDependencies=no
      Wants=network-pre.target
      After=network-pre.target
      [Service]
      Type=oneshot
      ExecStart=ip link set uplink0 up
      \(ways.joined(separator: "\n"))
      [Install]
      WantedBy=sysinit.target

      """
    setup.files.append(ContainerFile("/etc/systemd/system/late-network.service", unit))
    setup.enabled.append("late-network.service")
  }

  func property(_ name: String) throws -> String {
    try machine.run("systemctl show --property=\(name) --value liteboxd-agent.service").trimmed
  }

  /// Warnings and errors of the agent's in the journal.
  func complaints() throws -> String {
    try machine.run(
      "journalctl --no-pager --output=cat --priority=warning --unit=liteboxd-agent --unit=liteboxd-agent-guard"
    )
  }
}

extension String {
  fileprivate var trimmed: String { split(separator: "\n").joined(separator: "\n") }
}

private let guardUnit = "liteboxd-agent-guard.service"
private let agentUnit = "liteboxd-agent.service"

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

@Suite("S37: what systemd is told", .serialized)
struct ServiceTests {
  @Test("READY comes after the first verified pass, not before")
  func readiness() throws {
    let stage = try BootStage(masked: [agentUnit])
    try stage.machine.boot()
    let gateway = try stage.lab.namespace(.gateway)
    try stage.machine.run("systemctl unmask \(agentUnit)")
    // Somebody else's table of that name, that nobody but its owner can change: no pass can be verified.
    try gateway.nft("delete", "table", "inet", "liteboxd")
    let holder =
      "{ echo 'add table inet liteboxd { flags owner; }'; exec sleep infinity; } | exec nft -i"
    try stage.machine.execute(["systemd-run", "--unit=holder", "--quiet", "sh", "-c", holder]).output()
    let isHeld = try eventually(within: .seconds(5)) {
      try gateway.nft("list", "tables").contains("liteboxd") ? true : nil
    }
    #expect(isHeld == true)
    try stage.machine.run("systemctl start --no-block \(agentUnit)")
    let waits = try eventually(within: .seconds(5)) {
      try stage.property("StatusText").isEmpty ? nil : try stage.property("ActiveState")
    }
    #expect(waits == "activating")
    try stage.machine.run("systemctl kill --signal=KILL holder")
    let ready = try eventually(within: .seconds(10)) {
      try stage.property("ActiveState") == "active" ? true : nil
    }
    #expect(ready == true, "\(stage.agent.log)")
    try stage.expectInSync(stage.agent, within: .seconds(3))
  }

  @Test("a loop that hangs is ended by the watchdog, and one that was killed comes back; no flow notices")
  func watchdog() throws {
    let stage = try BootStage(dropIn: "[Service]\nWatchdogSec=1s\n")
    try stage.machine.boot()
    try stage.agent.waitFor(phase: "ready", within: .seconds(10))
    let before = try stage.state()
    let streams = Set(TrafficFlow.Path.allCases.map { TrafficFlow($0, .stream) })
    try stage.underTraffic(BootStage.everyFlow.union(streams)) { traffic in
      for (number, signal) in ["STOP", "KILL"].enumerated() {
        let former = try stage.agent.mainPID()
        try stage.machine.run("systemctl kill --kill-whom=main --signal=\(signal) \(agentUnit)")
        let next = try eventually(within: .seconds(15)) {
          let pid = try stage.agent.mainPID()
          return pid != 0 && pid != former ? pid : nil
        }
        #expect(next != nil, "\(signal): \(stage.agent.log)")
        try stage.agent.waitFor(phase: "ready", within: .seconds(10))
        #expect(try stage.property("NRestarts") == "\(number + 1)")
      }
      #expect(traffic.report.longestGap < .seconds(1), "\(traffic.report)")
    }
    #expect(try stage.state() == before)
    #expect(try stage.machine.run("journalctl --no-pager --unit=\(agentUnit)").contains("atchdog timeout"))
  }

  @Test("it is a user of its own with three capabilities, and neither writes nor starts what is not its work")
  func hardening() throws {
    let stage = try BootStage()
    try stage.machine.boot()
    try stage.agent.waitFor(phase: "ready", within: .seconds(10))
    let pid = try stage.agent.mainPID()
    let status = try stage.machine.run("cat /proc/\(pid)/status")
    func field(_ name: String) -> String {
      let line = status.split(separator: "\n").first { $0.hasPrefix("\(name):") } ?? ""
      return line.dropFirst(name.count + 1).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    let user = try stage.machine.run("id -u liteboxd").trimmed
    #expect(field("Uid") == "\(user) \(user) \(user) \(user)" && user != "0")
    // CAP_DAC_READ_SEARCH 2, CAP_NET_ADMIN 12, CAP_NET_RAW 13 (linux/capability.h).
    for set in ["CapEff", "CapPrm", "CapBnd"] { #expect(UInt64(field(set), radix: 16) == 0x3004, "\(set)") }
    #expect(field("NoNewPrivs") == "1" && field("Seccomp") == "2")
    // As the unit itself sees the file system.
    let mounts = try stage.machine.run("cat /proc/\(pid)/mountinfo")
    #expect(mounts.split(separator: "\n").contains { $0.contains(" / / ro,") || $0.contains(" / ro,") })
    #expect(try stage.complaints() == "")
    let files = try stage.machine.run("find /run/liteboxd /var/lib/liteboxd ! -user liteboxd")
    #expect(files == "")
  }

  @Test("what root does by hand in between leaves nothing that the daemon cannot use")
  func byHand() throws {
    let stage = try BootStage()
    try stage.machine.boot()
    try stage.agent.waitFor(phase: "ready", within: .seconds(10))
    try stage.machine.run("systemctl reload \(agentUnit)")
    try stage.machine.run("systemctl stop \(agentUnit)")
    try stage.machine.run("liteboxd-agent apply")
    try stage.machine.run("find /run/liteboxd /var/lib/liteboxd -type f -user root -delete")
    try stage.machine.run("liteboxd-agent apply")
    #expect(try stage.machine.run("find /run/liteboxd /var/lib/liteboxd ! -user liteboxd") == "")
    try stage.machine.run("systemctl start \(agentUnit)")
    try stage.agent.waitFor(phase: "ready", within: .seconds(10))
    #expect(try stage.complaints() == "")
  }

  @Test("a token that ZeroTier has made anew is picked up")
  func token() throws {
    let stage = try BootStage()
    try stage.machine.boot()
    try stage.agent.waitFor(phase: "ready", within: .seconds(10))
    try stage.lab.zeroTier(.gateway).tell(.token("another-token-of-24-signs"))
    stage.lab.letPass(.seconds(1))
    let status = try stage.agent.waitForStatus("the API", within: .seconds(10)) {
      $0["zerotier"]?["apiReachable"] == true && $0["phase"] == "ready"
    }
    #expect(status["zerotier"]?["networkStatus"] == "OK")
  }

  @Test("the status line says what the phase is")
  func statusLine() throws {
    let stage = try BootStage()
    try stage.machine.boot()
    try stage.agent.waitFor(phase: "ready", within: .seconds(10))
    #expect(try stage.property("StatusText").hasPrefix("ready"))
    try stage.lab.zeroTier(.gateway).tell(.linkDown)
    let told = try eventually(within: .seconds(5)) {
      try stage.property("StatusText").hasPrefix("blocked") ? true : nil
    }
    #expect(told == true)
  }
}
