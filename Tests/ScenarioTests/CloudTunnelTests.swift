import Foundation
import Lab
import Synchronization
import Testing

/// Ways in which a cloud server loses its tunnel.
enum CloudFault: String, CaseIterable, Sendable {
  case linkDown, linkDeleted, killed

  func strike(_ lab: Lab) throws {
    switch self {
    case .linkDown: try lab.zeroTier(.cloudA).tell(.linkDown)
    case .linkDeleted: try lab.zeroTier(.cloudA).tell(.linkDelete)
    case .killed: try lab.zeroTier(.cloudA).kill()
    }
  }

  func heal(_ lab: Lab) throws {
    switch self {
    case .linkDown: try lab.zeroTier(.cloudA).tell(.linkUp)
    case .linkDeleted, .killed: try lab.zeroTier(.cloudA).restart()
    }
  }
}

/// A pod's download, so that the server in the Internet has something to send when the tunnel goes: it sends it
/// again and again, and the cloud server's address translation turns it into packets for the egress IP.
private final class Download: Sendable {
  static let size = 30_000_000
  private let result = Mutex<Result<Int, LabError>?>(nil)

  init(in lab: Lab, within limit: Duration = .milliseconds(1500)) throws {
    let before = try lab.packetsPublished(by: .cloudA)
    Thread.detachNewThread {
      let result = lab.fetch(from: .pod, path: "/bytes/\(Self.size)", within: limit)
      self.result.withLock { $0 = result.map(\.utf8.count) }
    }
    let started = try eventually(within: .seconds(3), step: .milliseconds(20)) {
      try lab.packetsPublished(by: .cloudA) > before + 50 ? true : nil
    }
    #expect(started == true)
  }

  /// How many octets came, or why not all of them.
  @discardableResult func wait() throws -> Result<Int, LabError> {
    try #require(eventually(within: .seconds(20)) { result.withLock { $0 } })
  }
}

@Suite("S7: on a cloud server the interface vanishes under load", .serialized)
struct CloudTunnelGoesTests {
  @Test(
    "no packet with a ZeroTier address leaves the WAN", arguments: CloudFault.allCases, Watchfulness.allCases)
  func vanishes(_ fault: CloudFault, _ watchfulness: Watchfulness) throws {
    let stage = try Stage()
    let before = try stage.guardDrops(of: stage.cloud)
    try stage.underTraffic { traffic in
      let download = try Download(in: stage.lab)
      if watchfulness == .frozen { stage.cloud.freeze() }
      try fault.strike(stage.lab)
      stage.lab.letPass(.seconds(1))
      if watchfulness == .frozen { stage.cloud.thaw() }
      try stage.cloud.waitFor(phase: "blocked", within: .seconds(3))
      let drops = try stage.guardDrops(of: stage.cloud)
      let stopped = drops.filter { ["wan", "closed"].contains($0.key) && $0.value > before[$0.key] ?? 0 }
      #expect(!stopped.isEmpty, "nothing came that could have leaked: \(drops)")
      if watchfulness == .frozen { #expect(stopped["wan"] != nil, "\(drops)") }
      try download.wait()
      try fault.heal(stage.lab)
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      try stage.cloud.waitFor(phase: "ready", within: .seconds(5))
      try stage.gateway.waitFor(phase: "ready", within: .seconds(5))
    }
    try stage.expectInSync(stage.cloud)
  }

  @Test(
    "a download that the outage interrupts goes on once the tunnel is back",
    arguments: [CloudFault.linkDown, .linkDeleted], Watchfulness.allCases)
  func established(_ fault: CloudFault, _ watchfulness: Watchfulness) throws {
    let stage = try Stage()
    try stage.underTraffic(RestartTests.streams) { traffic in
      let download = try Download(in: stage.lab, within: .seconds(15))
      if watchfulness == .frozen { stage.cloud.freeze() }
      try fault.strike(stage.lab)
      stage.lab.letPass(.milliseconds(500))
      try fault.heal(stage.lab)
      stage.cloud.thaw()
      let octets = try download.wait().get()
      #expect(octets == Download.size, "\(octets)")
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(5))
      #expect(traffic.report.counts.values.allSatisfy { $0.refused == 0 }, "\(traffic.report)")
    }
  }

  @Test("the control: with masquerade alone the same leaks", arguments: CloudFault.allCases)
  func control(_ fault: CloudFault) throws {
    let lab = try Lab()
    defer { lab.close() }
    try lab.followPlanByHand(fallback: .unreachable)
    let download = try Download(in: lab)
    #expect(try lab.leaks().total == 0)
    try fault.strike(lab)
    lab.letPass(.seconds(1))
    try download.wait()
    #expect(try lab.leaks().cloud > 0)
  }
}
