import Configuration

/// Which exit carries the traffic: the first usable one in the configuration's order. A preferred exit that
/// comes back has to stay healthy for a while before traffic returns to it. Time is a parameter.
public struct ExitChoice: Equatable, Sendable {
  /// The exit in use; nil: none.
  public private(set) var active: String?
  /// Since when each exit has been healthy without a break, on the loop's monotonic clock.
  private var healthySince: [String: Duration] = [:]

  /// - Parameter active: the exit that a former run left open, if the kernel still holds it so.
  public init(active: String? = nil) { self.active = active }

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

  /// An exit that is in use stays so while nothing is known against it: that is what a restart finds.
  private func keeps(_ candidate: (exit: Exit, health: ExitHealth), _ settings: ProbeSettings) -> Bool {
    candidate.health.isUsable || (candidate.exit.name == active && candidate.health.isUntried(settings))
  }

  /// The tunnel went: whoever comes back first is as good as any.
  public mutating func reset() { self = ExitChoice() }
}
