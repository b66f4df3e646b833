import Lab
import Testing

@Suite("An event that comes before its change")
struct EarlyEventTests {
  /// The kernel announces that an IPv4 route goes while it is still in its table. With a listener that sleeps it
  /// gives the processor away right then: the agent, on the same one, looks before the route is gone.
  @Test("hides no deletion")
  func hidesNothing() throws {
    let stage = try Stage()
    let state = try stage.state()
    try Command(["taskset", "-p", "-c", "0", "\(stage.gateway.pid)"]).output()
    let listener = try IdleListener(.gateway, in: stage.lab)
    let deletion = try stage.lab.namespace(.gateway).execute([
      "taskset", "-c", "0", "ip", "route", "del", "default", "metric", "0", "table", "100",
    ])
    for _ in 0..<20 {
      try deletion.output()
      try stage.waitForState(state)
    }
    withExtendedLifetime(listener) {}
  }
}
