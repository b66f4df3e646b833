/// What the agent did or met with that an operator may ask for later.
public enum Happening: Equatable, Sendable {
  case started(version: String)
  case stopped
  case driftRepaired(Repair)
  /// Names; none: no exit carried traffic, or none does now.
  case exitSwitched(from: [String], to: [String], why: String?)
  /// With the codes of the new phase's reasons.
  case phaseChanged(from: Phase, to: Phase, reasons: [String])
  case configurationTaken(cause: String, sha256: String)
  /// The error names file, line and column.
  case configurationRefused(cause: String, error: String)
  /// The kernel reported changes faster than they could be read.
  case overrun
  case fightBegan(with: [String])
  case fightEnded

  /// In JSON, and in the field `event` of log lines: they stay.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    case started
    case stopped
    case driftRepaired = "drift-repaired"
    case exitSwitched = "exit-switched"
    case phaseChanged = "phase-changed"
    case configurationTaken = "configuration-taken"
    case configurationRefused = "configuration-refused"
    case overrun
    case fightBegan = "fight-began"
    case fightEnded = "fight-ended"
  }

  public var kind: Kind {
    switch self {
    case .started: .started
    case .stopped: .stopped
    case .driftRepaired: .driftRepaired
    case .exitSwitched: .exitSwitched
    case .phaseChanged: .phaseChanged
    case .configurationTaken: .configurationTaken
    case .configurationRefused: .configurationRefused
    case .overrun: .overrun
    case .fightBegan: .fightBegan
    case .fightEnded: .fightEnded
    }
  }

  /// What somebody else changed, put right.
  public struct Repair: Equatable, Sendable {
    /// The first ones, as `ip`, `nft` and `sysctl` would be told.
    public var changes: [String]
    /// All of them.
    public var total: Int
    /// Who made it necessary, as far as that is known.
    public var by: [String]
    /// From the event read to the kernel verified; of several alike the longest.
    public var seconds: Double

    /// - Parameter total: where `changes` are only the first; nil: they are all.
    public init(changes: [String], by: [String], seconds: Double, total: Int? = nil) {
      self.changes = changes
      self.total = total ?? changes.count
      self.by = by
      self.seconds = seconds
    }

    static let mostChanges = 8
  }
}

extension Happening {
  /// Both as one; nil: each is an event of its own.
  func folded(with next: Happening) -> Happening? {
    switch (self, next) {
    case (.overrun, .overrun): return self
    case (.driftRepaired(var former), .driftRepaired(let repair)):
      let longest = max(former.seconds, repair.seconds)
      former.seconds = repair.seconds
      guard former == repair else { return nil }
      former.seconds = longest
      return .driftRepaired(former)
    default: return nil
    }
  }

  /// Happens by the thousand, where others do not leave the agent's work alone.
  var isFoldable: Bool {
    switch self {
    case .driftRepaired, .overrun: true
    case .started, .stopped, .exitSwitched, .phaseChanged, .configurationTaken, .configurationRefused,
      .fightBegan, .fightEnded:
      false
    }
  }

  /// The same with no text longer than a history has room for.
  var bounded: Happening {
    switch self {
    case .started(let version): .started(version: short(version))
    case .driftRepaired(let repair): .driftRepaired(repair.bounded)
    case .exitSwitched(let from, let to, let why):
      .exitSwitched(from: short(from), to: short(to), why: why.map { short($0, 500) })
    case .phaseChanged(let from, let to, let reasons):
      .phaseChanged(from: from, to: to, reasons: short(reasons))
    case .configurationTaken(let cause, let sha256):
      .configurationTaken(cause: short(cause), sha256: short(sha256))
    case .configurationRefused(let cause, let error):
      .configurationRefused(cause: short(cause), error: short(error, 2_000))
    case .fightBegan(let names): .fightBegan(with: short(names))
    case .stopped, .overrun, .fightEnded: self
    }
  }

  /// About what it takes in memory and in the file.
  var octets: Int {
    let texts: [String] =
      switch self {
      case .started(let version): [version]
      case .driftRepaired(let repair): repair.changes + repair.by
      case .exitSwitched(let from, let to, let why): from + to + [why ?? ""]
      case .phaseChanged(_, _, let reasons): reasons
      case .configurationTaken(let cause, let sha256): [cause, sha256]
      case .configurationRefused(let cause, let error): [cause, error]
      case .fightBegan(let names): names
      case .stopped, .overrun, .fightEnded: []
      }
    return texts.reduce(200) { $0 + $1.utf8.count + 4 }
  }
}

extension Happening.Repair {
  fileprivate var bounded: Self {
    var bounded = self
    bounded.changes = changes.prefix(Self.mostChanges).map { short($0) }
    bounded.by = short(by)
    return bounded
  }
}

/// So many characters at most.
private func short(_ text: String, _ limit: Int = 200) -> String {
  let scalars = text.unicodeScalars
  guard scalars.count > limit else { return text }
  return String(String.UnicodeScalarView(scalars.prefix(limit - 1))) + "…"
}

private func short(_ texts: [String]) -> [String] { texts.prefix(16).map { short($0) } }
