import Glibc
import JSON
import Lab
import Testing

@Suite("The commands, from an untouched host and back to it", .serialized)
struct LifecycleTests {
  @Test(
    "plan only looks, apply opens, teardown leaves the host as it was", arguments: [Node.gateway, .cloudA])
  func cycle(_ node: Node) throws {
    let lab = try Lab()
    defer { lab.close() }
    if node == .gateway {
      try lab.openCloudByHand(.cloudA)
    } else {
      try lab.startAgent(on: .gateway)
    }
    let namespace = try lab.namespace(node)
    let before = try namespace.hostListing()
    let program = try lab.agentProgram(on: node)
    func run(_ command: String, _ status: Int32, _ said: String? = nil) throws {
      let result = try program.run(command.split(separator: " ").map(String.init))
      #expect(
        result.status == .exited(status) && said.map(result.stdout.contains) ?? true, "\(command): \(result)")
    }
    try run("check", 0, "usable, role")
    try run("plan", 2, "add table inet liteboxd")
    #expect(try namespace.hostListing() == before)
    try run("status", 3)
    try run("reload", 3)
    try run("apply", 0, "open")
    try run("plan", 0, "in sync")
    let open = try namespace.hostListing()
    try run("apply", 0, "open")
    try run("plan", 0, "in sync")
    #expect(difference(try namespace.hostListing(), open) == "")
    let seen = eventually(within: .seconds(3)) {
      try? lab.fetch(from: .pod, within: .milliseconds(500)).get()
    }
    #expect(seen == Node.cloudA.publicAddress)
    let used = try namespace.hostListing()
    try run("teardown", 1)
    #expect(difference(try namespace.hostListing(), used) == "")
    try run("teardown --yes", 0, "delete table inet liteboxd")
    let after = try namespace.hostListing()
    #expect(after == before, "\(difference(after, before))")
    try run("teardown --yes", 0)
    try run("plan", 2, "add table inet liteboxd")
  }

  @Test(
    "teardown leaves forwarding on a gateway as it is, and remembers what it was for whoever wants it back")
  func forwarding() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.openCloudByHand(.cloudA)
    let gateway = try lab.namespace(.gateway)
    try gateway.setSysctls(["net.ipv4.ip_forward": "0"])
    let program = try lab.agentProgram(on: .gateway)
    #expect(try program.run(["apply"]).status == .exited(0))
    for _ in 1...2 {
      let kept = try program.run(["teardown", "--yes"])
      #expect(kept.stdout.contains("stays as it is; before the agent it was 0"), "\(kept)")
      #expect(try gateway.sysctl("net.ipv4.ip_forward") == "1")
    }
    let restored = try program.run(["teardown", "--yes", "--restore-forwarding"])
    #expect(restored.stdout.contains("sysctl -w net/ipv4/ip_forward=0"), "\(restored)")
    #expect(try gateway.sysctl("net.ipv4.ip_forward") == "0")
    #expect(try !program.run(["teardown", "--yes"]).stdout.contains("ip_forward"))
  }

  @Test("teardown takes the tunnel first and the guard last, so that nothing leaks until the guard goes")
  func order() throws {
    let stage = try Stage()
    #expect(try stage.gateway.terminateAndWait() == .exited(0))
    let watch = try KernelWatch(.gateway, in: stage.lab)
    #expect(try stage.gateway.run(["teardown", "--yes"]).status == .exited(0))
    try watch.stop()
    let deleted = watch.events.filter { $0.change == .deleted }
    #expect(deleted.first?.object == .route && deleted.last?.object == .nftables, "\(deleted)")
    // The guard goes in one transaction behind everything else.
    let guardGoes = deleted.firstIndex { $0.object == .nftables } ?? 0
    #expect(deleted[guardGoes...].allSatisfy { $0.object == .nftables }, "\(deleted)")
  }

  @Test("teardown works with no configuration file at all")
  func unconfigured() throws {
    let stage = try Stage()
    stage.gateway.kill()
    try Command(["rm", stage.gateway.program.configurationPath]).output()
    #expect(try stage.gateway.run(["teardown", "--yes"]).status == .exited(0))
    let state = try stage.state()
    #expect(
      !state.contains("liteboxd") && !state.contains("proto 147") && !state.contains("blackhole"), "\(state)")
  }

  @Test("status says by its exit status how it stands")
  func statuses() throws {
    let stage = try Stage()
    #expect(try stage.gateway.run(["status"]).status == .exited(0))
    try stage.lab.zeroTier(.gateway).tell(.api(.status500))
    try stage.gateway.waitFor(phase: "degraded", within: .seconds(3))
    #expect(try stage.gateway.run(["status"]).status == .exited(1))
    try stage.lab.zeroTier(.gateway).tell(.linkDown)
    try stage.gateway.waitFor(phase: "blocked", within: .seconds(3))
    #expect(try stage.gateway.run(["status"]).status == .exited(2))
    #expect(try stage.gateway.terminateAndWait() == .exited(0))
    #expect(try stage.gateway.run(["status"]).status == .exited(3))
  }

  @Test(
    "wrong usage exits with 64 and a hint",
    arguments: ["nosuch", "plan --nosuch", "run --config", "teardown --json"])
  func usage(_ line: String) throws {
    let lab = try Lab()
    defer { lab.close() }
    // The program's own --config goes behind what is given here.
    let result = try lab.agentProgram(on: .gateway).run(line.split(separator: " ").map(String.init))
    #expect(result.status == .exited(64) && result.stderr.contains("liteboxd-agent help"), "\(result)")
    #expect(result.stderr.split(separator: "\n").count == 1 && result.stdout.isEmpty)
  }
}
