import Glibc
import JSON
import Lab
import Testing

@Suite("S22: a second agent", .serialized)
struct SecondAgentTests {
  @Test("goes, names the first, and touches nothing")
  func second() throws {
    let stage = try Stage()
    let before = try stage.state()
    let watch = try KernelWatch(.gateway, in: stage.lab)
    for command in [["run"], ["apply"], ["teardown", "--yes"]] {
      let result = try stage.gateway.run(command)
      #expect(result.status == .exited(1), "\(command): \(result)")
      #expect(result.stderr.contains("process \(stage.gateway.pid)"), "\(command): \(result.stderr)")
    }
    let guardResult = try stage.gateway.run(["guard"])
    #expect(guardResult.status == .exited(0), "\(guardResult)")
    #expect(guardResult.stdout.contains("process \(stage.gateway.pid)"), "\(guardResult)")
    try watch.stop()
    #expect(watch.events.isEmpty, "\(watch.events)")
    #expect(try stage.state() == before)
    #expect(stage.gateway.isRunning)
    try stage.gateway.waitFor(phase: "ready", within: .seconds(1))
    try stage.expectInSync()
  }

  @Test("is refused by a frozen one as well, and takes its place once it is gone")
  func successor() throws {
    let stage = try Stage()
    let before = try stage.state()
    stage.gateway.freeze()
    let refused = try stage.gateway.run(["run"])
    #expect(refused.status == .exited(1) && refused.stderr.contains("process \(stage.gateway.pid)"))
    stage.gateway.kill()
    let second = try stage.lab.startAgent(on: .gateway)
    try second.waitFor(phase: "ready", within: .seconds(5))
    #expect(try stage.state() == before)
  }
}
