/// What a supervisor or a load balancer asks.
public enum Readiness {
  /// `GET /healthz`: said by the loop that also repairs, so whoever hears it knows that this loop turns.
  public static let alive = "alive"

  /// How much is said of a reason.
  public enum Detail: Sendable {
    /// To anybody: no more than the metrics say.
    case codes
    /// To those who may read the status.
    case messages
  }

  /// `GET /readyz`: the phase, and one line for each reason why no sandbox traffic flows, or why a person should look.
  /// Safe for a terminal.
  public static func text(_ status: AgentStatus, _ detail: Detail) -> String {
    let reasons = status.reasons.map { reason in
      switch detail {
      case .codes: reason.code
      case .messages:
        reason.code + ": " + reason.message + (reason.remedy.isEmpty ? "" : " → " + reason.remedy)
      }
    }
    return ([status.phase.rawValue] + reasons.map { terminalSafe($0) }).joined(separator: "\n")
  }

  /// Of that answer: 200 while traffic flows, 503 while it does not.
  public static func httpStatus(_ phase: Phase) -> Int {
    switch phase {
    case .ready, .degraded: 200
    case .starting, .blocked: 503
    }
  }
}
