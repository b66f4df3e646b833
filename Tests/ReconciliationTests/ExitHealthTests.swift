import Configuration
import Model
import Testing

@testable import Reconciliation

@Suite("The health of an exit")
struct ExitHealthTests {
  private func settings(_ checks: Set<ExitHealth.Check>) throws -> ProbeSettings {
    var settings = ProbeSettings()
    let server = try #require(IPAddress("1.1.1.1"))
    if checks.contains(.through) { settings.through = [TCPTarget(address: server, port: 443)] }
    if checks.contains(.publicAddress) {
      settings.publicAddress = PublicAddressCheck(server: server, expected: [server])
    }
    return settings
  }

  @Test("an exit is usable once each of its checks was answered, and no longer than all are")
  func checks() throws {
    let settings = try settings([.through, .publicAddress])
    var health = ExitHealth(settings)
    #expect(health.checks == [.echo, .through, .publicAddress])
    for check in health.checks {
      #expect(!health.isUsable && health.state == .unknown && health.isUntried(settings))
      health.take(.answered, from: check, settings)
    }
    #expect(health.isUsable && health.state == .healthy && health.isFresh)
    for expected in [ExitHealth.State.suspect, .suspect, .unhealthy] {
      health.take(.lost, from: .through, settings)
      #expect(health.state == expected && health[.echo]?.state == .healthy)
    }
    #expect(!health.isUsable && !health.isFresh && !health.isUntried(settings))
    health.changePath(settings)
    #expect(health.state == .unknown && health.isFresh)
  }

  @Test("what is not asked for changes nothing")
  func unasked() throws {
    let settings = try settings([])
    var health = ExitHealth(settings)
    health.take(.answered, from: .echo, settings)
    for _ in 0..<10 { health.take(.lost, from: .through, settings) }
    #expect(health.state == .healthy && health[.through] == nil)
  }

  @Test("what cannot be asked is unknown, and unhealthy is worse")
  func worst() throws {
    let settings = try settings([.through])
    var health = ExitHealth(settings)
    health.take(.answered, from: .echo, settings)
    for _ in 0..<3 { health.take(.notSent, from: .through, settings) }
    #expect(health.state == .unknown && !health.isUntried(settings))
    for _ in 0..<3 { health.take(.lost, from: .echo, settings) }
    #expect(health.state == .unhealthy)
  }
}
