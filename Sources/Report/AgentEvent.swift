/// Something that happened, once or several times alike.
public struct AgentEvent: Equatable, Sendable {
  /// Grows with everything that happens, whatever the clock does: of the last time that it happened.
  public var number: Int64
  /// Of the first time: what it is known by while it goes on.
  public var first: Int64
  /// When it happened first.
  public var time: Timestamp
  public var lastTime: Timestamp
  /// How often.
  public var count = 1
  public var happening: Happening

  public init(number: Int64, at time: Timestamp, _ happening: Happening) {
    self.number = number
    first = number
    self.time = time
    lastTime = time
    self.happening = happening
  }
}

extension AgentEvent {
  /// One line for people, with nothing in it that a terminal acts upon.
  public var line: String {
    let kind = happening.kind.rawValue
    var line = "\(lastTime)  \(kind)\(spaces(max(1, 22 - kind.utf8.count)))" + terminalSafe(happening.details)
    if count > 1 { line += " (\(count) times since \(time))" }
    while line.hasSuffix(" ") { line.removeLast() }
    return line
  }
}

extension Happening {
  fileprivate var details: String {
    switch self {
    case .started(let version): "version \(version)"
    case .stopped: "the kernel's state stays as it is"
    case .driftRepaired(let repair): repair.details
    case .exitSwitched(let from, let to, let why):
      "\(list(from)) → \(list(to))" + (why.map { ": \($0)" } ?? "")
    case .phaseChanged(let from, let to, let reasons):
      "\(from.rawValue) → \(to.rawValue)"
        + (reasons.isEmpty ? "" : ": " + reasons.joined(separator: ", "))
    case .configurationTaken(let cause, let sha256): "\(cause), sha256 \(sha256.prefix(12))"
    case .configurationRefused(let cause, let error): "\(cause): \(error)"
    case .overrun: "more changes than could be read; all of the kernel's state is read again"
    case .fightBegan(let names): "somebody undoes repairs again and again" + by(names)
    case .fightEnded: "no repair was needed for a while"
    }
  }
}

extension Happening.Repair {
  fileprivate var details: String {
    let more = total > changes.count ? "; …" : ""
    return counted(total, "change", "changes") + " in \(shortTime(seconds))" + Report.by(by) + ": "
      + changes.joined(separator: "; ") + more
  }
}

private func by(_ names: [String]) -> String {
  names.isEmpty ? "" : ", by " + names.joined(separator: ", ")
}

private func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }
