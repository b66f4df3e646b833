import Model

extension Plan {
  /// Undoes what others did to what is desired, going by the kernel's announcements alone, in the order in which any plan
  /// does it.
  ///
  /// The kernel makes one change of routes after the other and announces each before it lets the next begin, so that
  /// this comes after what it undoes. Where it is not all that there is to do, or fails, the reading that
  /// follows tells what remains.
  ///
  /// - Parameter tunnel: the link whose parameters are known by its number.
  public init(undoing drift: AnnouncedDrift, to desired: DesiredState, tunnel: Tunnel?) {
    var steps: [Step] = []
    for rule in drift.deletedRules where desired.rules.contains(rule) {
      steps.append(Step(stage: .addRules, operation: .addRule(rule)))
    }
    // What is fallen back on comes first.
    let routes = drift.deletedRoutes.sorted { $0.key.table.rawValue > $1.key.table.rawValue }
    for route in routes where desired.tables[route.key.table]?.contains(route) ?? false {
      steps.append(Step(stage: route.stage, operation: .addRoute(route)))
    }
    for other in drift.substitutes {
      let wanted = desired.tables[other.key.table]?.first { $0.key == other.key }
      guard let wanted, wanted != other else { continue }
      steps.append(Step(stage: wanted.stage, operation: .replaceRoute(wanted)))
    }
    for parameter in drift.parameters {
      guard let key = Sysctl.Key(parameter, tunnel: tunnel),
        let wanted = desired.sysctls.first(where: { $0.key == key }), wanted.value != parameter.value
      else { continue }
      steps.append(Step(stage: .setSysctls, operation: .setSysctl(wanted)))
    }
    self.init(steps: steps.inOrder)
  }
}

extension Sysctl.Key {
  /// nil for links of which only the number is known.
  fileprivate init?(_ parameter: AnnouncedDrift.Parameter, tunnel: Tunnel?) {
    switch (parameter.kind, parameter.interface) {
    case (.forwarding, nil): self = .ipv4Forwarding
    case (.reversePathFilter, nil): return nil
    case (let kind, let index?):
      guard let tunnel, tunnel.index == index else { return nil }
      switch kind {
      case .forwarding: self = .linkForwarding(tunnel.name)
      case .reversePathFilter: self = .reversePathFilter(tunnel.name)
      }
    }
  }
}
