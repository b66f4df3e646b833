import JSON
import Lab
import Testing

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
