import Foundation
import JSON
import Lab
import Testing

@Suite("The Debian package on a machine", .serialized)
struct PackageOnMachineTests {
  private static let streams = Set(TrafficFlow.Path.allCases.map { TrafficFlow($0, .stream) })
  /// Connections on each path.
  private static let established = 200

  @Test("does nothing by itself, works once it is configured, and a purge leaves the host as it was")
  func cycle() throws {
    let machine = try Machine()
    // Nothing else on this host forwards.
    try machine.shell("sysctl -qw net.ipv4.ip_forward=0")
    let network = try machine.network()
    try machine.listFiles()
    _ = try machine.install()
    #expect(try difference(machine.network(), network) == "")
    #expect(try machine.changedFiles().contains("> /usr/bin/liteboxd-agent "))
    #expect(try machine.shell("getent passwd liteboxd").hasPrefix("liteboxd:"))
    for unit in AgentUnit.names {
      #expect(try machine.shell("systemctl is-enabled \(unit) || true") == "disabled\n")
      #expect(try machine.shell("systemctl is-active \(unit) || true") == "inactive\n")
    }
    #expect(try machine.shell("liteboxd-agent check || echo $?").hasSuffix("78\n"))
    try machine.configureAndStart()
    #expect(try machine.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
    #expect(try machine.shell("ps -o user= -C liteboxd-agent") == "liteboxd\n")
    let said = try machine.dpkg("--purge liteboxd-agent")
    #expect(said.contains("sysctl -w net/ipv4/ip_forward=0"), "\(said)")
    let changes = try difference(machine.network(), network) + machine.changedFiles()
    #expect(changes == "", "\(said)")
    #expect(try machine.shell("systemctl list-units --all --no-legend 'liteboxd*'") == "")
  }

  @Test(
    "an upgrade and a downgrade under traffic: the agent is another, the guard and every flow go on, nothing leaks"
  )
  func upgrade() throws {
    let machine = try Machine()
    _ = try machine.install()
    try machine.configureAndStart()
    let held = try machine.held()
    let guardStart =
      "systemctl show --property=ActiveEnterTimestampMonotonic,ActiveState liteboxd-agent-guard"
    let guardBefore = try machine.shell(guardStart)
    #expect(guardBefore.contains("ActiveState=active"))
    try machine.lab.resetLeaks()
    let established = try TrafficFlow.Path.allCases.map { path in
      var options = ManyFlows.Options()
      (options.connections, options.path) = (Self.established, path)
      return try machine.lab.startManyFlows(options)
    }
    let traffic = try machine.lab.startTraffic(TrafficFlow.all.union(Self.streams), perSecond: 50)
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    var processes = [try machine.agent.mainPID()]
    for version in ["0.0.9", "99.0"] {
      _ = try machine.install(version: version)
      try machine.agent.waitFor(phase: "ready", within: .seconds(10))
      processes.append(try machine.agent.mainPID())
      #expect(try difference(machine.held(), held) == "")
    }
    #expect(Set(processes).count == 3 && !processes.contains(0), "\(processes)")
    _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    let report = try traffic.stop()
    #expect(report.longestGap < .seconds(1), "\(report)")
    #expect(report.counts.values.allSatisfy { $0.refused == 0 }, "\(report)")
    for flows in established {
      let counts = flows.busy
      #expect(
        counts.standing == Self.established
          && counts.resets + counts.otherBreaks + counts.failedConnects == 0, "\(counts)")
      #expect(counts.answered > 1000 && counts.hanging(for: .seconds(1)) == 0, "\(counts)")
      try flows.stop()
    }
    #expect(try machine.lab.leaks().total == 0)
    #expect(try machine.shell(guardStart) == guardBefore)
    try expectLeaksWithoutAgent(machine)
  }

  /// The control: without the agent's state the same traffic leaks.
  private func expectLeaksWithoutAgent(_ machine: Machine) throws {
    _ = try machine.dpkg("--purge liteboxd-agent")
    try machine.shell("sysctl -qw net.ipv4.ip_forward=1")
    try machine.lab.resetLeaks()
    let traffic = try machine.lab.startTraffic(perSecond: 50)
    let leaks = try eventually(within: .seconds(5)) { try machine.lab.leaks().total > 0 ? true : nil }
    try traffic.stop()
    #expect(leaks == true)
  }

  @Test(
    "an upgrade with a broken file leaves the last good configuration in force; a version that can use neither, the old process"
  )
  func brokenConfiguration() throws {
    let machine = try Machine()
    _ = try machine.install()
    try machine.configureAndStart()
    let (held, process) = (try machine.held(), try machine.agent.mainPID())
    try machine.shell("echo 'role: [' > /etc/liteboxd/agent.yaml")
    _ = try machine.install(version: "99.0")
    // The broken file degrades it; the last good one works.
    try machine.agent.waitForStatus("traffic", within: .seconds(10)) { $0["tunnelUp"]?.bool == true }
    let second = try machine.agent.mainPID()
    #expect(second != process && second != 0)
    let refuses = "printf '#!/bin/sh\\nexit 78\\n' > usr/bin/liteboxd-agent"
    let said = try machine.install(version: "99.1", change: refuses)
    #expect(said.contains("the old process goes on"), "\(said)")
    #expect(try machine.agent.mainPID() == second)
    #expect(try machine.held() == held)
    #expect(try machine.lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
  }

  @Test("removed, it leaves the kernel's state and says so; who forwards keeps forwarding when it is purged")
  func removal() throws {
    let machine = try Machine(units: ["containerd", "docker"])
    try machine.shell("sysctl -qw net.ipv4.ip_forward=0")
    _ = try machine.install()
    try machine.configureAndStart()
    try machine.shell("systemctl start containerd")
    let held = try machine.held()
    let said = try machine.dpkg("--remove liteboxd-agent")
    #expect(said.contains("Only a purge takes its rules"), "\(said)")
    #expect(said.contains("cannot be started"), "\(said)")
    #expect(try machine.held() == held)
    #expect(try machine.agent.mainPID() == 0)
    // Fail-closed: neither does it start where the guard should have been.
    #expect(
      try machine.shell("systemctl start docker || true").contains("liteboxd-agent-guard.service not found"))
    let purged = try machine.dpkg("--purge liteboxd-agent")
    #expect(purged.contains("ip_forward stays as it is, since containerd is active"), "\(purged)")
    #expect(try machine.shell("sysctl -n net.ipv4.ip_forward") == "1\n")
    #expect(try machine.shell("ip rule show; ip -6 rule show; nft list tables").contains("liteboxd") == false)
    #expect(try machine.shell("systemctl is-active containerd") == "active\n")
  }

  @Test("a purge whose copy of the program cannot run says how to do it by hand, and that does it")
  func byHand() throws {
    let machine = try Machine()
    let network = try machine.network()
    _ = try machine.install()
    try machine.configureAndStart()
    _ = try machine.dpkg("--remove liteboxd-agent")
    try machine.shell("printf '#!/nowhere\\n' > /var/lib/liteboxd-removed/liteboxd-agent")
    let said = try machine.dpkg("--purge liteboxd-agent")
    #expect(said.contains("could not be removed"), "\(said)")
    for line in said.split(separator: "\n") where line.hasPrefix("  ip ") || line.hasPrefix("  nft ") {
      try machine.shell(String(line))
    }
    let parameters = said.components(separatedBy: "parameters:").last?.split(separator: "\n").first ?? ""
    for parameter in parameters.split(separator: " ") { try machine.shell("sysctl -qw \(parameter)") }
    #expect(try difference(machine.network(), network) == "", "\(said)")
  }
}
