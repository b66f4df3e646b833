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
}
