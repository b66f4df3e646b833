import Lab

/// A gateway with a systemd of its own, whose network comes up as late in its boot as a network does.
final class BootStage: Scene {
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
  var trimmed: String { split(separator: "\n").joined(separator: "\n") }
}

let guardUnit = "liteboxd-agent-guard.service"
let agentUnit = "liteboxd-agent.service"
