import JSON
import Lab
import Testing

/// The gateway's uplink as its manager's own file.
private enum Uplink {
  static let networkd = ContainerFile(
    "/etc/systemd/network/uplink.network",
    """
    [Match]
    Name=uplink0
    [Network]
    Address=\(Address.uplink)/24
    Gateway=\(Address.uplinkRouter)

    """)
  static let networkManager = ContainerFile(
    "/etc/NetworkManager/system-connections/uplink.nmconnection",
    """
    [connection]
    id=uplink
    type=ethernet
    interface-name=uplink0
    [ipv4]
    method=manual
    address1=\(Address.uplink)/24,\(Address.uplinkRouter)
    [ipv6]
    method=ignore

    """, mode: 0o600)
}

@Suite("S17: a manager of links and routes has the gateway's uplink", .serialized)
struct LinkManagerTests {
  /// Does it all under traffic: nothing of the agent's is touched.
  private func expectUntouched(_ stage: ManagedStage, by commands: [String]) throws {
    let before = try stage.state()
    let (begin, watch) = (Moment.now, try KernelWatch(.gateway, in: stage.lab))
    try stage.underTraffic { traffic in
      for command in commands {
        let start = Moment.now
        try stage.machine.run(command)
        _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
        #expect(stage.losses(watch, since: start).isEmpty, "\(command)")
      }
      // What a manager does it may do behind its command's end.
      stage.lab.letPass(.milliseconds(500))
      #expect(traffic.report.longestGap < .seconds(1), "\(traffic.report)")
    }
    #expect(stage.losses(watch, since: begin).isEmpty)
    try watch.stop()
    #expect(try stage.state() == before)
    try stage.expectInSync(stage.agent, within: .seconds(3))
  }

  @Test(
    "systemd-networkd with the shipped drop-in restarts, reloads and reconfigures it: the tunnel sees nothing of it"
  )
  func networkdKeeps() throws {
    let dropIn = ContainerFile(
      "/usr/lib/systemd/networkd.conf.d/networkd-keep-foreign.conf",
      copying: ManagedStage.shipped("systemd/networkd-keep-foreign.conf"))
    let stage = try ManagedStage(.gateway, files: [Uplink.networkd, dropIn])
    try expectUntouched(
      stage,
      by: [
        "systemctl start systemd-networkd", "networkctl reconfigure uplink0",
        "touch /etc/systemd/network/uplink.network", "networkctl reload",
        "systemctl restart systemd-networkd",
      ])
    #expect(
      try stage.machine.run("networkctl status uplink0").contains("/etc/systemd/network/uplink.network"))
    try stage.expectLeaksWithoutAgent()
  }

  @Test(
    "systemd-networkd without it takes rules and routes away: they are back, nothing leaks, and it is named")
  func networkdRemoves() throws {
    let stage = try ManagedStage(.gateway, files: [Uplink.networkd])
    try stage.machine.run("systemctl start systemd-networkd")
    let before = try stage.state()
    let watch = try KernelWatch(.gateway, in: stage.lab)
    try stage.underTraffic { traffic in
      let start = Moment.now
      try stage.machine.run("networkctl reconfigure uplink0")
      // Else the test would be about nothing.
      let loss = eventually(within: .seconds(5)) {
        stage.losses(watch, since: start).first { $0.object == .rule }
      }
      #expect(loss != nil)
      try stage.expectNoWayPast("networkctl reconfigure")
      try stage.waitForState(before)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      #expect(
        stage.agent.log.contains("repaired drift cause=event by=systemd-networkd "), "\(stage.agent.log)")
      try expectFight(stage)
      try stage.waitForState(before)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
    }
    try watch.stop()
    try stage.expectInSync(stage.agent, within: .seconds(3))
    try stage.expectLeaksWithoutAgent()
  }

  /// Somebody's script lets it do so again and again: the status names it, and what to do.
  private func expectFight(_ stage: ManagedStage) throws {
    let loop = "for i in $(seq 400); do networkctl reconfigure uplink0; test -e /run/enough && exit; done"
    let messages = try inParallel(2) { [machine = stage.machine, agent = stage.agent] number -> String in
      if number == 0 { return try machine.execute(["sh", "-c", loop], limit: .seconds(40)).output() }
      let status = try agent.waitForStatus("the fight", within: .seconds(30)) {
        $0["reasons"]?.array?.contains { $0["code"] == "fight" } ?? false
      }
      try machine.run("touch /run/enough")
      let fight = status["reasons"]?.array?.first { $0["code"] == "fight" }
      return "\(fight?["message"]?.string ?? "") \(fight?["remedy"]?.string ?? "")"
    }
    #expect(
      messages[1].contains("systemd-networkd let") && messages[1].contains("ManageForeignRoutes=no"),
      "\(messages)"
    )
  }

  @Test("NetworkManager takes it over, restarts, reloads and applies it anew: the tunnel sees nothing of it")
  func networkManager() throws {
    let stage = try ManagedStage(.gateway, files: [Uplink.networkManager])
    try expectUntouched(
      stage,
      by: [
        "systemctl start NetworkManager", "nmcli connection up uplink", "nmcli general reload",
        "nmcli connection reload", "nmcli device reapply uplink0",
        "nmcli device modify uplink0 ipv4.route-metric 50", "systemctl restart NetworkManager",
      ])
    let devices = try stage.machine.run("nmcli --terse --fields DEVICE,STATE,CONNECTION device")
    #expect(devices.contains("uplink0:connected:uplink\n"), "\(devices)")
    #expect(devices.contains("\(stage.tunnel):connected (externally)"), "\(devices)")
    try stage.expectLeaksWithoutAgent()
  }

  @Test(
    "NetworkManager with the shipped drop-in leaves ZeroTier's link alone, and its own list of others too")
  func networkManagerKeeps() throws {
    let path = "NetworkManager/conf.d"
    let stage = try ManagedStage(
      .gateway,
      files: [
        Uplink.networkManager,
        ContainerFile("/etc/\(path)/10-own.conf", "[keyfile]\nunmanaged-devices+=interface-name:pod0\n"),
        ContainerFile(
          "/usr/lib/\(path)/liteboxd.conf",
          copying: ManagedStage.shipped("config/NetworkManager.conf.d-liteboxd.conf")),
      ])
    try expectUntouched(stage, by: ["systemctl start NetworkManager", "systemctl restart NetworkManager"])
    let devices = try stage.machine.run("nmcli --terse --fields DEVICE,STATE,CONNECTION device")
    #expect(devices.contains("uplink0:connected"), "\(devices)")
    #expect(
      devices.contains("\(stage.tunnel):unmanaged:") && devices.contains("pod0:unmanaged:"), "\(devices)")
  }
}
