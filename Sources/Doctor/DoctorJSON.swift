import JSON
import Report

extension Diagnosis {
  /// What `doctor --json` prints. The names are a contract with scripts; no member is ever left out.
  public func json(_ build: BuildIdentity, at time: Timestamp) -> JSONValue {
    [
      "version": .string(build.version), "commit": .string(build.commit),
      "checkedAt": .string(time.description), "role": role.map { .string($0.rawValue) } ?? .null,
      "traffic": .string(traffic.rawValue), "leak": .string(leak.rawValue),
      "cause": cause.map { .string($0.id) } ?? .null,
      "counts": .object(
        Judgement.Outcome.allCases.map { .init($0.rawValue, .integer(Int64(count($0)))) }),
      "checks": .array(checks.map(\.json)),
    ]
  }
}

extension Check {
  fileprivate var json: JSONValue {
    [
      "id": .string(id), "title": .string(title), "outcome": .string(judgement.outcome.rawValue),
      "evidence": .string(judgement.evidence),
      "remedy": judgement.remedy.isEmpty ? .null : .string(judgement.remedy),
    ]
  }
}
