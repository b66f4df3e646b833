/// Whether a cloud server's way to the Internet answers, as its own probes show it. For the status alone: nothing is
/// closed or opened by it.
public struct WANHealth: Equatable, Sendable {
  /// What came of one round of probes.
  public enum Round: Equatable, Sendable {
    case answered(Duration)
    /// Nobody answered, or nothing could be sent; why.
    case unanswered(String)
  }

  /// nil before enough is known.
  public private(set) var answers: Bool?
  /// Of the last round, if that was answered.
  public private(set) var roundTrip: Duration?
  /// Of the last round, if that was not.
  public private(set) var problem: String?
  /// Rounds in a row of the last one's kind.
  private var run = 0

  public init() {}

  /// The first answer is believed at once; later ones, and all silences, only in a row.
  public mutating func take(_ round: Round, failAfter: Int, recoverAfter: Int) {
    switch round {
    case .answered(let time):
      run = problem == nil ? min(run + 1, recoverAfter) : 1
      roundTrip = time
      problem = nil
      if answers == nil || run >= recoverAfter { answers = true }
    case .unanswered(let why):
      run = problem == nil ? 1 : min(run + 1, failAfter)
      roundTrip = nil
      problem = why
      if run >= failAfter { answers = false }
    }
  }
}
