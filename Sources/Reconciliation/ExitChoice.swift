import Configuration

/// Which exit carries the traffic: the first usable one in the configuration's order. A preferred exit that
/// comes back has to stay healthy for a while before traffic returns to it. Time is a parameter.
public struct ExitChoice: Equatable, Sendable {
  /// The exit in use; nil: none.
  public private(set) var active: String?
  /// Since when each exit has been healthy without a break, on the loop's monotonic clock.
  private var healthySince: [String: Duration] = [:]

  /// The exit that a former run left open: it stays so while nothing is known against it.
  private var inherited: String?

  /// - Parameter inherited: the exit that a former run left open, if the kernel still holds it so.
  public init(inherited: String? = nil) {
    active = inherited
    self.inherited = inherited
  }

  /// One that is known to be in use: a running daemon says so.
  public init(active: String?) { self.active = active }

  /// Chooses anew.
  /// - Parameter now: monotonic time since any fixed point.
  public mutating func update(
    _ exits: [(exit: Exit, health: ExitHealth)], _ settings: ProbeSettings, now: Duration
  ) {
    for (exit, health) in exits {
      if health.state == .healthy {
        healthySince[exit.name] = healthySince[exit.name] ?? now
      } else {
        healthySince[exit.name] = nil
      }
    }
    if let known = exits.first(where: { $0.exit.name == inherited }), !known.health.isUntried(settings) {
      inherited = nil
    }
    let usable = exits.filter { keeps($0, settings) }.map(\.exit.name)
    guard let active, let place = usable.firstIndex(of: active) else {
      active = usable.first
      return
    }
    let settled = usable[..<place].first {
      healthySince[$0].map { now - $0 >= settings.failbackAfter } ?? false
    }
    self.active = settled ?? active
  }

  private func keeps(_ candidate: (exit: Exit, health: ExitHealth), _ settings: ProbeSettings) -> Bool {
    candidate.health.isUsable || (candidate.exit.name == inherited && candidate.health.isUntried(settings))
  }

  /// The tunnel went: whoever comes back first is as good as any.
  public mutating func reset() { self = ExitChoice() }
}
