import Configuration
import Model
import Reconciliation
import Report
import Testing

@testable import Doctor

/// A host with one thing changed, and what the check of it then says.
struct Change: Sendable, CustomTestStringConvertible {
  let id: String
  let outcome: Judgement.Outcome
  /// Has to be in the evidence.
  let evidence: String
  /// Has to be in the remedy.
  let remedy: String
  let change: @Sendable (inout HostObservations) -> Void

  init(
    _ id: String, _ outcome: Judgement.Outcome, _ evidence: String, _ remedy: String = "",
    _ change: @escaping @Sendable (inout HostObservations) -> Void
  ) {
    (self.id, self.outcome, self.evidence, self.remedy, self.change) = (id, outcome, evidence, remedy, change)
  }

  var testDescription: String { "\(id) \(outcome): \(evidence)" }

  func expect(on healthy: HostObservations) throws {
    var host = healthy
    change(&host)
    let judgement = try #require(Diagnosis(host)[id])
    #expect(judgement.outcome == outcome, "\(judgement)")
    #expect(judgement.evidence.contains(evidence), "\(judgement)")
    #expect(judgement.remedy.contains(remedy), "\(judgement)")
    #expect(judgement.remedy.isEmpty == [.passed, .skipped].contains(outcome), "\(judgement)")
  }
}

@Suite("Each check")
struct CheckTests {
  @Test("passes on a host on which all is well, but for what was not configured")
  func healthy() {
    for host in [Hosts.gateway, Hosts.cloud] {
      let diagnosis = Diagnosis(host)
      #expect(diagnosis.checks(.failed).isEmpty && diagnosis.checks(.warned).isEmpty)
      let skipped = Set(diagnosis.checks(.skipped).map(\.id))
      #expect(
        skipped.isSubset(of: ["internet", "public-address", "nftables-owner", "exit-networks"]), "\(skipped)")
      #expect(diagnosis.traffic == .flows && diagnosis.leak == .none && diagnosis.exitStatus == 0)
      #expect(Set(diagnosis.checks.map(\.id)).count == diagnosis.checks.count)
    }
  }

  @Test("says what is wrong with a gateway, and the remedy", arguments: gatewayChanges)
  func gateway(_ change: Change) throws { try change.expect(on: Hosts.gateway) }

  @Test("says what is wrong with a cloud server, and the remedy", arguments: Change.cloudChanges)
  func cloud(_ change: Change) throws { try change.expect(on: Hosts.cloud) }

  private static let gatewayChanges: [Change] =
    Change.hostChanges + Change.zerotierChanges + Change.wayOutChanges + Change.stateChanges
    + Change.surroundingsChanges + Change.leakChanges
}
