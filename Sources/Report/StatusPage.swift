import Model

/// The page that `status` prints for people.
public enum StatusPage {
  /// How the page is written, apart from what it says.
  public struct Style: Hashable, Sendable {
    /// Which characters the reader's terminal shows.
    public enum Characters: Hashable, Sendable { case unicode, ascii }

    /// With ECMA-48 colours, which repeat what words and marks say.
    public var isColoured: Bool
    public var characters: Characters

    public init(isColoured: Bool, characters: Characters = .unicode) {
      self.isColoured = isColoured
      self.characters = characters
    }

    /// Text alone: for pipes, files and `NO_COLOR`.
    public static let plain = Style(isColoured: false)
    public static let coloured = Style(isColoured: true)
  }

  /// The narrowest page and the widest: below nothing is readable, above nothing is left to say.
  public static let widths = 40...160

  /// The page, each line ended. No line is wider than `width` columns, taken as one of `widths`. `now` is what ages are
  /// counted from.
  public static func render(_ status: AgentStatus, now: Timestamp, width: Int, style: Style) -> String {
    var page = PageWriter(width: min(max(width, widths.lowerBound), widths.upperBound), style: style)
    let isCut = heading(status, now, &page)
    page.blank()
    TrafficPath(status).write(to: &page)
    page.blank()
    if !status.exits.isEmpty {
      ExitTable(status.exits, now: now).write(to: &page)
      page.blank()
    }
    gateways(status.gateways, &page)
    details(status, now, &page)
    if isCut { section("The first reason in full", [status.reasons[0]], status.phase.findingTone, &page) }
    if !status.reasons.isEmpty { section("Warnings", status.onlyWarnings, .caution, &page) }
    return page.text
  }

  /// The phase, and what is the matter with what to do about it. Both are within the first five lines of 80 columns;
  /// true: the first reason had to be cut for that.
  private static func heading(_ status: AgentStatus, _ now: Timestamp, _ page: inout PageWriter) -> Bool {
    let since = "for " + age(now.seconds(since: status.phaseSince))
    let moment = page.width >= 100 ? ", since \(status.phaseSince)" : ""
    let phase = Span(
      "\(status.phase.mark) \(status.phase.rawValue) \(since)\(moment):", status.phase.tone)
    page.prose([], [phase, Span(status.phase.meaning)])
    if status.phase == .starting, status.reasons.isEmpty {
      page.prose([Span("    → ")], [Span("if it stays so: journalctl -u liteboxd-agent")])
    }
    guard let first = status.reasons.first else {
      // Warnings are what there is to say then.
      for warning in status.onlyWarnings { finding(warning, .caution, &page) }
      return false
    }
    let isCut = finding(first, status.phase.findingTone, &page, within: 2)
    for reason in status.reasons.dropFirst() { finding(reason, status.phase.findingTone, &page) }
    return isCut
  }

  /// Nobody answers who did before.
  public struct Silence: Equatable, Sendable {
    public var problem: String
    /// For how long.
    public var seconds: Int64
    public var lastPhase: Phase

    public init(problem: String, seconds: Int64, lastPhase: Phase) {
      self.problem = problem
      self.seconds = seconds
      self.lastPhase = lastPhase
    }
  }

  /// The page in its place.
  public static func render(_ silence: Silence, width: Int, style: Style) -> String {
    var page = PageWriter(width: min(max(width, widths.lowerBound), widths.upperBound), style: style)
    page.prose([], [Span("■ no answer for \(age(silence.seconds)):", .bad), Span(silence.problem)])
    page.prose(
      [Span("    → ")],
      [Span("systemctl status liteboxd-agent; journalctl -u liteboxd-agent; it is asked again")])
    page.blank()
    page.prose(
      [Span("  ")],
      [
        Span(
          "Its last word was \(silence.lastPhase.rawValue). What it put into the kernel stays, fail-closed.")
      ])
    return page.text
  }

  private static func section(
    _ title: String, _ findings: [Finding], _ tone: Tone, _ page: inout PageWriter
  ) {
    guard !findings.isEmpty else { return }
    page.blank()
    page.line([Span(title, .strong)])
    for each in findings { finding(each, tone, &page) }
  }

  /// True: it has more lines than the message and the remedy may have each.
  @discardableResult private static func finding(
    _ finding: Finding, _ tone: Tone, _ page: inout PageWriter, within lines: Int? = nil
  ) -> Bool {
    var isCut = page.prose(
      [Span("  ! ", tone)], [Span(finding.code + ":", tone), Span(finding.message)], within: lines)
    if !finding.remedy.isEmpty {
      isCut = page.prose([Span("    → ")], [Span(finding.remedy)], within: lines) || isCut
    }
    return isCut
  }
}

extension AgentStatus {
  /// What is a reason for the phase is said as such.
  fileprivate var onlyWarnings: [Finding] { warnings.filter { !reasons.contains($0) } }
}
