import Lab
import Testing

@Suite("The lab", .serialized)
struct LabTests {
  @Test("a lab that is closed leaves no namespace behind")
  func leavesNothing() throws {
    let lab = try Lab(.init(clouds: .two))
    let name = lab.name
    #expect(try Command(["ip", "netns", "list"]).output().contains("\(name)-cloud-b"))
    lab.close()
    #expect(try !Command(["ip", "netns", "list"]).output().contains("\(name)-"))
    #expect(try Command(["ls", "/tmp"]).output().split(separator: "\n").allSatisfy { $0 != name })
  }

  @Test("the plan's steps by hand carry a pod's request to the Internet under the cloud server's address")
  func planByHand() throws {
    let lab = try Lab()
    defer { lab.close() }
    #expect(try lab.fetch(from: .node(.cloudA)).get() == "203.0.113.50")
    try lab.followPlanByHand()
    #expect(try lab.fetch(from: .pod).get() == "203.0.113.50")
    #expect(try lab.fetch(from: .gateway).get() == "203.0.113.50")
    #expect(try lab.fetch(from: .node(.gateway)).get() == Address.uplink)
    #expect(try lab.fetch(from: .pod, host: Address.excludedServer).get() == Address.pod)
    #expect(try lab.routeGet("8.8.8.8") == .interface("ztwb2oxa4k"))
    #expect(try lab.leaks().total == 0)
  }

  @Test("ten megabytes come through the tunnel")
  func transfer() throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.followPlanByHand()
    let body = try lab.fetch(from: .pod, path: "/bytes/10000000", within: .seconds(10)).get()
    #expect(body.utf8.count == 10_000_000)
  }

  @Test("what a killed lab left behind is removed, and what lives is left alone")
  func sweep() throws {
    let lab = try Lab()
    defer { lab.close() }
    // A number that belonged to a process and no longer does.
    let gone = try Command(["sh", "-c", "echo $$"]).output().filter { $0 != "\n" }
    try Command(["ip", "netns", "add", "lb\(gone)x1-pod"]).output()
    try Command(["mkdir", "/tmp/lb\(gone)x1"]).output()
    Lab.removeLeftovers()
    let left = try Command(["ip", "netns", "list"]).output()
    #expect(!left.contains("lb\(gone)x1-pod") && left.contains("\(lab.name)-pod"))
    #expect(try Command(["test", "-e", "/tmp/lb\(gone)x1"]).run().status == .exited(1))
  }

  @Test("a command that fails is named with what it said")
  func failingCommand() throws {
    let error = #expect(throws: LabError.self) { try Command(["ip", "link", "show", "nosuchlink"]).output() }
    #expect(error?.description.contains("ip link show nosuchlink") == true)
    #expect(error?.description.contains("does not exist") == true)
    #expect(throws: LabError.self) { try Command(["/nonexistent"]).output() }
  }

  @Test("a command that hangs is killed when its time is up")
  func hangingCommand() throws {
    let error = #expect(throws: LabError.self) {
      try Command(["sleep", "30"], limit: .milliseconds(100)).output()
    }
    #expect(error?.description.contains("killed") == true)
  }

  @Test("the kernel's announcements time a repair from outside")
  func watch() throws {
    let lab = try Lab()
    defer { lab.close() }
    let gateway = try lab.namespace(.gateway)
    try gateway.ip("rule add from 10.147.17.1 table 100 priority 150")
    let watch = try KernelWatch(.gateway, in: lab)
    let start = Moment.now
    #expect(watch.repairTime(since: start, of: .rule) == nil)
    try gateway.ip("rule del priority 150")
    try gateway.ip("rule add from 10.147.17.1 table 100 priority 150")
    let time = eventually(within: .seconds(2)) { watch.repairTime(since: start, of: .rule) }
    #expect(time.map { $0 > .zero && $0 < .seconds(1) } == true)
    try gateway.nft(ruleset: "table ip watched { }")
    try gateway.nft("flush", "ruleset")
    let flushed = eventually(within: .seconds(2)) {
      watch.events(since: start).contains { $0.object == .nftables && $0.change == .deleted } ? true : nil
    }
    #expect(flushed == true)
    try watch.stop()
  }
}
