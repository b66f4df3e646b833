extension StatusPage {
  /// One entry for each part of the agent.
  static func details(_ status: AgentStatus, _ now: Timestamp, _ page: inout PageWriter) {
    page.entry("ZeroTier", zerotier(status.zerotier))
    if let wan = status.wan { page.entry("WAN", wan.spans) }
    page.entry("Kernel", items: kernel(status.kernel))
    page.entry("Reconcile", reconcile(status.reconcile, now))
    page.entry("Drift", items: drift(status.drift, now))
    page.entry("Guard drops", items: guardDrops(status.guardDrops))
    page.entry("Traffic", items: traffic(status))
    page.entry("Configuration", configuration(status.config, now))
    let running = age(now.seconds(since: status.startedAt))
    let build = "\(status.version) (\(status.commit))"
    page.entry("Agent", [Span("\(build), role \(status.role.rawValue), running for \(running)")])
  }

  private static func zerotier(_ zerotier: ZeroTierStatus) -> [Span] {
    var spans = [Span((zerotier.networkStatus ?? "no word yet") + ",", zerotier.tone)]
    if let interface = zerotier.interface {
      let index = zerotier.interfaceIndex.map { " (index \($0))" } ?? ""
      spans.append(Span(interface.text + index))
      spans.append(
        zerotier.addresses.isEmpty ? Span("without an address,", .bad) : addresses(zerotier.addresses))
    } else {
      spans.append(Span("no interface,", .bad))
    }
    spans.append(zerotier.apiReachable ? Span("API answers") : Span("API does not answer", .caution))
    if let online = zerotier.online, !online { spans.append(Span("(offline)", .caution)) }
    return spans
  }

  private static func addresses(_ addresses: [String]) -> Span {
    Span("with " + addresses.joined(separator: ", ") + ",")
  }

  /// Per kind: owned objects found, of those wanted.
  private static func kernel(_ kernel: KernelStatus) -> [Span] {
    let colon = kernel.objects.isEmpty ? "" : ":"
    let objects = kernel.objects.enumerated().map { index, object in
      Span(
        "\(object.kind) \(object.observed) of \(object.desired)"
          + (index < kernel.objects.count - 1 ? "," : ""),
        object.observed == object.desired ? .plain : .caution)
    }
    return [Span(kernel.state + colon, kernel.tone)] + objects
  }

  private static func reconcile(_ reconcile: ReconcileStatus, _ now: Timestamp) -> [Span] {
    var text = counted(reconcile.total, "pass", "passes")
    if let at = reconcile.lastAt { text += ", the last \(age(now.seconds(since: at))) ago" }
    if let seconds = reconcile.lastDurationSeconds { text += " in \(shortTime(seconds))" }
    guard reconcile.failures > 0 else { return [Span(text + ", none failed")] }
    return [Span(text + ","), Span("\(reconcile.failures) failed", .caution)]
  }

  /// What was put right, of which kinds, and when it was needed last.
  private static func drift(_ drift: DriftStatus, _ now: Timestamp) -> [Span] {
    guard drift.repairedTotal > 0 else { return [Span("none since the start")] }
    let kinds = drift.repaired.map { "\($0.kind) \($0.count)" }.joined(separator: ", ")
    let total = counted(drift.repairedTotal, "object", "objects") + " repaired"
    let seconds = drift.lastRepairAt.map { now.seconds(since: $0) }
    let ago = seconds.map { " \(age($0)) ago" } ?? ""
    let took = drift.lastRepairSeconds.map { " in \(shortTime($0))" } ?? ""
    let tone = seconds.map { $0 < lately } == true ? Tone.caution : .plain
    return list([
      Span(total + (kinds.isEmpty ? "" : " (\(kinds))"), tone), Span("the last" + ago + took, tone),
    ])
  }

  /// Seconds for which a repair still stands out.
  private static let lately: Int64 = 600

  private static func guardDrops(_ drops: [GuardDrop]) -> [Span] {
    guard !drops.isEmpty else { return [Span("none counted")] }
    let dropping = drops.filter { $0.packets > 0 }
    guard !dropping.isEmpty else {
      return [Span("none: " + drops.map(\.guardName).joined(separator: ", "), .good)]
    }
    return list(
      dropping.map { Span("\($0.guardName) \(counted($0.packets, "packet", "packets"))", .caution) })
  }

  private static func traffic(_ status: AgentStatus) -> [Span] {
    let carried = status.role == .gateway ? status.traffic.tunnel : status.traffic.forwarded
    let amounts = [("out", carried.out), ("in", carried.in)].map { direction, amount in
      Span("\(direction) \(octets(amount.bytes)) in \(counted(amount.packets, "packet", "packets"))")
    }
    guard let connections = status.traffic.connections, connections.limit > 0 else { return list(amounts) }
    let share = Double(connections.entries) / Double(connections.limit)
    let tracked = Span(
      "\(connections.entries) of \(connections.limit) connections tracked", share > 0.8 ? .bad : .plain)
    return list(amounts + [tracked])
  }

  /// With commas between them.
  private static func list(_ spans: [Span]) -> [Span] {
    spans.enumerated().map { $0 < spans.count - 1 ? $1.appending(Span(",")) : $1 }
  }

  private static func configuration(_ config: ConfigStatus, _ now: Timestamp) -> [Span] {
    var text = config.path
    if let at = config.loadedAt { text += ", taken \(age(now.seconds(since: at))) ago" }
    if let sha256 = config.sha256 { text += ", sha256 \(sha256.prefix(12))" }
    guard let error = config.error else { return [Span(text)] }
    let stands = config.loadedAt == nil ? "none is in force" : "the one before stays in force"
    return [Span(text + ";"), Span("the file is refused: \(error);", .bad), Span(stands)]
  }
}
