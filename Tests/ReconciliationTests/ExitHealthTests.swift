import Configuration
import Reconciliation
import Testing

@Suite("The health of an exit")
struct ExitHealthTests {
  @Test("one answer opens what is unknown, three losses close it, five answers open it again")
  func hysteresis() {
    let settings = ProbeSettings()
    var health = ExitHealth()
    health.take(.answered, settings)
    #expect(health.state == .healthy)
    for expected in [ExitHealth.State.suspect, .suspect, .unhealthy] {
      health.take(.lost, settings)
      #expect(health.state == expected)
    }
    for expected in [ExitHealth.State.unhealthy, .unhealthy, .unhealthy, .unhealthy, .healthy] {
      health.take(.answered, settings)
      #expect(health.state == expected)
    }
  }
}
