import Foundation
import Glibc
import JSON
import Lab
import Testing

@Suite("A container of the lab", .serialized)
struct ContainerTests {
  private static let units = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "systemd").path

  @Test("has a systemd of its own and the node's network, and keeps its files from one boot to the next")
  func boots() throws {
    let lab = try Lab()
    defer { lab.close() }
    var setup = Container.Setup()
    setup.files = [
      ContainerFile(
        "/etc/systemd/system/proof.service",
        "[Service]\nType=oneshot\nExecStart=touch /var/lib/proof\n[Install]\nWantedBy=multi-user.target\n")
    ]
    setup.enabled = ["proof.service"]
    let container = try Container(on: .gateway, in: lab, setup)
    try container.boot()
    #expect(try container.run("ip -brief address show dev uplink0").contains(Address.uplink))
    #expect(try container.run("systemctl is-active dbus.socket") == "active\n")
    #expect(try container.run("cat /proc/1/comm") == "systemd\n")
    try container.run("mv /var/lib/proof /var/lib/kept")
    try container.powerOff()
    #expect(!container.isRunning)
    try container.boot()
    try container.run("test -e /var/lib/kept -a -e /var/lib/proof")
    try container.cutPower()
    try container.boot()
    try container.run("test -e /var/lib/kept")
    #expect(access("/var/lib/kept", F_OK) != 0)
  }

  @Test("says which unit failed")
  func failure() throws {
    let lab = try Lab()
    defer { lab.close() }
    var setup = Container.Setup()
    setup.files = [
      ContainerFile(
        "/etc/systemd/system/broken.service",
        "[Service]\nType=oneshot\nExecStart=false\n[Install]\nWantedBy=multi-user.target\n")
    ]
    setup.enabled = ["broken.service"]
    let container = try Container(on: .cloudA, in: lab, setup)
    let error = #expect(throws: LabError.self) { try container.boot() }
    #expect(error?.description.contains("broken.service") == true)
  }

  /// Early units run at the same time; what one of them takes from another only shows now and then.
  @Test("the agent's guard has protected it at every boot")
  func everyBoot() throws {
    let lab = try Lab()
    defer { lab.close() }
    let container = try Container(on: .gateway, in: lab, .agent(on: .gateway, in: lab, units: Self.units))
    for _ in 0..<5 {
      try container.boot()
      #expect(try container.run("systemctl is-active liteboxd-agent-guard.service") == "active\n")
      try container.cutPower()
    }
  }

  @Test("two run side by side, each with the agent as its units start it, and leave nothing behind")
  func agents() throws {
    let lab = try Lab()
    defer { lab.close() }
    let agents = try [Node.cloudA, .gateway].map { node in
      let container = try Container(on: node, in: lab, .agent(on: node, in: lab, units: Self.units))
      try container.boot()
      return AgentUnit(in: container)
    }
    for agent in agents {
      try agent.waitFor(phase: "ready", within: .seconds(10))
      #expect(try agent.mainPID() > 1)
    }
    #expect(try lab.fetch(from: .pod).get() == Node.cloudA.publicAddress)
    lab.close()
    let processes = try Command(["ps", "-eo", "args"]).output()
    #expect(!processes.contains("machine=\(lab.name)-"))
    let groups = try Command(["find", "/sys/fs/cgroup", "-name", "\(lab.name)-*"]).output()
    #expect(groups.isEmpty)
  }
}
