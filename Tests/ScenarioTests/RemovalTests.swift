import Glibc
import JSON
import Lab
import Testing

/// Whether the agent can answer while something is done to its kernel state.
enum Watchfulness: String, CaseIterable, Sendable { case running, frozen }

@Suite("S8: every owned object is removed, one at a time", .serialized)
struct RemovalTests {
  /// The tunnel while its objects are removed.
  enum TunnelState: String, CaseIterable, Sendable { case open, gone }

  @Test(
    "nothing leaks in the meantime, and it comes back", arguments: Watchfulness.allCases,
    TunnelState.allCases)
  func each(_ watchfulness: Watchfulness, _ tunnel: TunnelState) throws {
    let stage = try Stage()
    if tunnel == .gone {
      try stage.lab.zeroTier(.gateway).tell(.linkDelete)
      try stage.gateway.waitFor(phase: "blocked", within: .seconds(3))
    }
    let before = try stage.state()
    let objects = try OwnedObject.all(in: stage.lab)
    try expectComplete(objects, stage)
    try stage.underTraffic(from: tunnel == .open ? .flowing : .blocked) { traffic in
      for object in objects {
        switch watchfulness {
        case .running: try strike(object, stage)
        case .frozen: try strikeFrozen(object, stage)
        }
        try stage.waitForState(before)
      }
      if tunnel == .open { _ = try traffic.waitForAnswers(after: .now, within: .seconds(3)) }
    }
    try stage.expectInSync()
  }

  /// What was derived is all that the agent says it holds.
  private func expectComplete(_ objects: [OwnedObject], _ stage: Stage) throws {
    let counts = try stage.gateway.status()?["kernel"]?["objects"]?.array ?? []
    #expect(counts.count == 4)
    for count in counts {
      guard let kind = count["kind"]?.string, kind != "nftables" else { continue }
      #expect(objects.filter { $0.kind == kind }.count == Int(count["desired"]?.integer ?? -1), "\(kind)")
    }
  }

  private func strike(_ object: OwnedObject, _ stage: Stage) throws {
    let total = try stage.counter("drift", "repairedTotal")
    try stage.lab.namespace(.gateway).execute(object.removal).output()
    try stage.expectNoWayPast("\(object)")
    let repaired = try eventually(within: .seconds(3)) {
      try stage.counter("drift", "repairedTotal") > total ? true : nil
    }
    #expect(repaired == true, "\(object): not counted as repaired")
  }

  private func strikeFrozen(_ object: OwnedObject, _ stage: Stage) throws {
    stage.gateway.freeze()
    defer { stage.gateway.thaw() }
    try stage.lab.namespace(.gateway).execute(object.removal).output()
    try stage.expectNoWayPast("\(object)")
    // A few packets of each flow.
    stage.lab.letPass(.milliseconds(80))
  }

  @Test("on a cloud server forwarding comes back")
  func cloudForwarding() throws {
    let stage = try Stage()
    let before = try stage.state(of: .cloudA)
    try stage.underTraffic { traffic in
      for parameter in try OwnedObject.parameters(of: .cloudA, in: stage.lab) {
        try stage.lab.namespace(.cloudA).setSysctls([
          parameter.name.replacing("/", with: "."): parameter.other
        ])
        try stage.waitForState(before, of: .cloudA)
      }
      _ = try traffic.waitForAnswers(after: .now, within: .seconds(3))
    }
  }
}
