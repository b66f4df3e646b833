import Configuration

/// Which exits carry the traffic: the first usable one in the configuration's order, or with `spread: flows` all
/// usable ones. One that was down has to stay healthy for a while before traffic returns to it. Time is a parameter.
public struct ExitChoice: Equatable, Sendable {
  /// The exits in use, in the configuration's order; empty: none.
  public private(set) var active: [String]
  /// The exit that a person chose for all traffic; nil: the choice is automatic.
  public var pinned: String?
  /// Since when each exit has been healthy without a break, on the loop's monotonic clock.
  private var healthySince: [String: Duration] = [:]
  /// What a former run left open stays so while nothing is known against it.
  private var inherited: Set<String>
  /// When the first exit was chosen, with none before it; nil once another took over from one that failed.
  private var openedAt: Duration?

  /// - Parameter inherited: the exits that a former run left open, if the kernel still holds it so.
  public init(inherited: [String] = []) {
    active = inherited
    self.inherited = Set(inherited)
  }

  /// Those that are known to be in use: a running daemon says so.
  public init(active: [String]) {
    self.active = active
    inherited = []
  }

  /// Chooses anew.
  /// - Parameters:
  ///   - exits: all of the configuration's, in its order.
  ///   - now: monotonic time since any fixed point.
  public mutating func update(
    _ exits: [(exit: Exit, health: ExitHealth)], _ gateway: GatewaySettings, now: Duration
  ) {
    note(exits, gateway.probe, now)
    let usable = exits.filter { $0.health.isUsable || inherited.contains($0.exit.name) }
    let kept = active.filter { name in usable.contains { $0.exit.name == name } }
    if let pinned {
      active = usable.contains { $0.exit.name == pinned } ? [pinned] : []
    } else if kept.isEmpty {
      // Who takes over from one that failed keeps the traffic; who was only the first to answer does not.
      openedAt = active.isEmpty && !usable.isEmpty ? now : nil
      active = usable.map(\.exit.name)
      if gateway.spread == .none { active = Array(active.prefix(1)) }
    } else {
      let ready = usable.filter { kept.contains($0.exit.name) || mayJoin($0, gateway.probe, now) }
      active = ready.map(\.exit.name)
      if gateway.spread == .none { active = Array(active.prefix(1)) }
    }
  }

  private mutating func note(
    _ exits: [(exit: Exit, health: ExitHealth)], _ settings: ProbeSettings, _ now: Duration
  ) {
    for (exit, health) in exits {
      if health.state == .healthy {
        if healthySince[exit.name] == nil { healthySince[exit.name] = now }
      } else {
        healthySince[exit.name] = nil
      }
      if !inherited.isEmpty, !health.isUntried(settings) { inherited.remove(exit.name) }
    }
  }

  /// Whether traffic may go to an exit that has none while another works: once it has been healthy for long enough;
  /// at once if it never failed and the first answer of another came only just before its own.
  private func mayJoin(
    _ candidate: (exit: Exit, health: ExitHealth), _ settings: ProbeSettings, _ now: Duration
  ) -> Bool {
    guard let since = healthySince[candidate.exit.name] else { return false }
    if now - since >= settings.failbackAfter { return true }
    guard candidate.health.isFresh, let openedAt else { return false }
    return now - openedAt <= settings.interval + settings.timeout
  }

  /// Takes over what was known of exits into a configuration that may call them otherwise, or not have them. What
  /// stays open does so as if inherited: what is asked of it now may be more than it has answered.
  /// - Parameter names: the new names of those that there still are, by their old ones.
  public mutating func rename(_ names: [String: String], in exits: [Exit]) {
    let renamed = active.compactMap { names[$0] }
    active = exits.map(\.name).filter(renamed.contains)
    inherited = Set(active)
    pinned = pinned.flatMap { names[$0] }
    healthySince = Dictionary(
      healthySince.compactMap { entry in names[entry.key].map { ($0, entry.value) } },
      uniquingKeysWith: { first, _ in first })
  }

  /// The tunnel went: whoever comes back first is as good as any. A person's choice stands.
  public mutating func reset() {
    let chosen = pinned
    self = ExitChoice()
    pinned = chosen
  }
}
