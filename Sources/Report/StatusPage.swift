import Model

/// The page that `status` prints for people.
public enum StatusPage {
  public enum Style: Hashable, Sendable {
    /// Text alone: for pipes, files and `NO_COLOR`.
    case plain
    /// With ECMA-48 colours, which repeat what the words say.
    case coloured
  }

  /// The page, each line ended. No line is wider than `width` columns, taken as 40 to 120: below that nothing
  /// is readable, above it the eye loses the line. `now` is what ages are counted from.
  public static func render(_ status: AgentStatus, now: Timestamp, width: Int, style: Style) -> String {
    var page = PageWriter(width: min(max(width, 40), 120), style: style)
    let since = age(now.seconds(since: status.phaseSince))
    let phase = Span("● \(status.phase.rawValue) for \(since):", status.phase.tone)
    page.prose([], [phase, Span(status.phase.meaning)])
    findings(status.reasons, status.phase == .degraded ? .caution : .bad, &page)
    // What is a reason for the phase was said. Without any, warnings are what there is to say.
    let warnings = status.warnings.filter { !status.reasons.contains($0) }
    if status.reasons.isEmpty { findings(warnings, .caution, &page) }
    page.blank()
    TrafficPath(status).table.write(to: &page, indent: 2)
    page.blank()
    if !status.exits.isEmpty {
      exits(status.exits).write(to: &page, indent: 2)
      problems(status.exits, &page)
      page.blank()
    }
    gateways(status.gateways, &page)
    details(status, now, &page)
    if !warnings.isEmpty, !status.reasons.isEmpty {
      page.blank()
      page.line([Span("Warnings", .strong)])
      findings(warnings, .caution, &page)
    }
    return page.text
  }

  private static func details(_ status: AgentStatus, _ now: Timestamp, _ page: inout PageWriter) {
    page.entry("ZeroTier", zerotier(status.zerotier))
    if let wan = status.wan { page.entry("WAN", wan.spans) }
    page.entry("Kernel", items: kernel(status.kernel))
    page.entry("Reconcile", reconcile(status.reconcile, now))
    page.entry("Drift", drift(status.drift))
    page.entry("Guard drops", guardDrops(status.guardDrops))
    page.entry("Configuration", configuration(status.config, now))
    let running = age(now.seconds(since: status.startedAt))
    let build = "\(status.version) (\(status.commit))"
    page.entry("Agent", [Span("\(build), role \(status.role.rawValue), running for \(running)")])
  }

  private static func findings(_ findings: [Finding], _ tone: Tone, _ page: inout PageWriter) {
    for finding in findings {
      page.prose([Span("  ! ", tone)], [Span(finding.code + ":", tone), Span(finding.message)])
      if !finding.remedy.isEmpty { page.prose([Span("    → ")], [Span(finding.remedy)]) }
    }
  }

  private static func exits(_ exits: [ExitStatus]) -> Table {
    var table = Table(alignedRight: [4, 5], gap: 2)
    table.add(["EXIT", "ADDRESS", "USE", "HEALTH", "RTT", "LOSS", "PATH"].map { Span($0, .faint) })
    for exit in exits {
      table.add([
        Span(exit.name, exit.active ? .strong : .plain), Span(exit.address.description), use(exit),
        Span(exit.health.rawValue, exit.health.tone), Span(exit.rttSeconds.map(shortTime) ?? "-"),
        Span(exit.lossRatio.map(percent) ?? "-", (exit.lossRatio ?? 0) > 0 ? .caution : .plain),
        Span(path(exit), exit.path == .relayed ? .caution : .plain),
      ])
    }
    return table
  }

  private static func use(_ exit: ExitStatus) -> Span {
    switch (exit.active, exit.pinned) {
    case (true, false): Span("in use", .good)
    case (true, true): Span("pinned", .caution)
    case (false, true): Span("pinned", .bad)
    case (false, false): Span(exit.healthy ? "standby" : "no")
    }
  }

  /// With the host that the packets come from, if they come directly.
  private static func path(_ exit: ExitStatus) -> String {
    guard let path = exit.path else { return "-" }
    guard path == .direct, let address = exit.zerotier?.address else { return path.rawValue }
    return "direct " + (address.lastIndex(of: ":").map { String(address[..<$0]) } ?? address)
  }

  /// One line below the table for each exit that has one.
  private static func problems(_ exits: [ExitStatus], _ page: inout PageWriter) {
    for exit in exits {
      guard let problem = exit.problem else { continue }
      page.prose([Span("  ! ", exit.health.tone)], [Span(exit.name + ":", exit.health.tone), Span(problem)])
    }
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

  private static func drift(_ drift: DriftStatus) -> [Span] {
    guard drift.repairedTotal > 0 else { return [Span("none since the start")] }
    let last = drift.lastRepairSeconds.map { ", the last in \(shortTime($0))" } ?? ""
    return [Span(counted(drift.repairedTotal, "object", "objects") + " repaired" + last)]
  }

  private static func guardDrops(_ drops: [GuardDrop]) -> [Span] {
    guard !drops.isEmpty else { return [Span("none counted")] }
    let parts = drops.map { "\($0.guardName) " + counted($0.packets, "packet", "packets") }
    return [Span(parts.joined(separator: ", "))]
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
