import Reconciliation
import Report

/// What came of one check.
public struct Judgement: Equatable, Sendable {
  /// The worst first, as a page has them.
  public enum Outcome: String, CaseIterable, Sendable {
    case failed, warned, passed
    /// It could not be made, or there is nothing to make it on.
    case skipped
  }

  /// What follows for sandboxes' packets.
  public enum Consequence: Sendable {
    case none
    /// They do not reach the Internet.
    case blocks
    /// They can leave past the tunnel, or untranslated.
    case leaks
  }

  public let outcome: Outcome
  /// What was seen; of a skipped one, why it was not made.
  public let evidence: String
  /// A command or a setting; empty where nothing is to be done.
  public let remedy: String
  public let consequence: Consequence

  private init(
    _ outcome: Outcome, _ evidence: String, _ remedy: String = "", _ consequence: Consequence = .none
  ) {
    self.outcome = outcome
    self.evidence = evidence
    self.remedy = remedy
    self.consequence = consequence
  }

  public static func passed(_ evidence: String) -> Judgement { Judgement(.passed, evidence) }
  public static func skipped(_ reason: String) -> Judgement { Judgement(.skipped, reason) }

  public static func warned(_ evidence: String, _ remedy: String) -> Judgement {
    Judgement(.warned, evidence, remedy)
  }

  public static func failed(
    _ evidence: String, _ remedy: String, _ consequence: Consequence = .none
  ) -> Judgement {
    Judgement(.failed, evidence, remedy, consequence)
  }

  /// In the words of the status page.
  static func warned(_ finding: Finding) -> Judgement { .warned(finding.message, finding.remedy) }

  static func failed(_ finding: Finding, _ consequence: Consequence = .none) -> Judgement {
    .failed(finding.message, finding.remedy, consequence)
  }

  static func failed(_ reason: BlockReason) -> Judgement { .failed(reason.message, reason.remedy, .blocks) }
}

/// Something that was looked at.
public enum Reading<Value: Sendable>: Sendable {
  case known(Value)
  /// It could not be seen, or is not there; why.
  case unknown(String)

  public var value: Value? { if case .known(let value) = self { value } else { nil } }

  func judged(_ judge: (Value) -> Judgement) -> Judgement {
    switch self {
    case .known(let value): judge(value)
    case .unknown(let reason): .skipped(reason)
    }
  }
}

/// One check with what came of it.
public struct Check: Equatable, Sendable {
  /// Stays the same from version to version: scripts match it.
  public let id: String
  /// What is right when it passes.
  public let title: String
  public let judgement: Judgement

  public init(id: String, title: String, _ judgement: Judgement) {
    self.id = id
    self.title = title
    self.judgement = judgement
  }
}
