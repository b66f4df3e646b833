import Report

/// The page that `doctor` prints for people: what is wrong and what to do about it first, so that its first lines are
/// enough at three in the morning.
public enum DoctorPage {
  /// No line is wider than `width` columns, taken as 40 to 120.
  public static func render(_ diagnosis: Diagnosis, width: Int, style: StatusPage.Style) -> String {
    var page = PageWriter(width: min(max(width, 40), 120), style: style)
    page.prose([], [headline(diagnosis)])
    for check in diagnosis.causes { finding(check, "✗", .bad, &page) }
    for check in diagnosis.checks(.warned) { finding(check, "!", .caution, &page) }
    list("Passed", diagnosis.checks(.passed), &page)
    list("Not checked", diagnosis.checks(.skipped), &page)
    page.blank()
    page.prose([], [Span(elsewhere, .faint)])
    return page.text
  }

  private static func headline(_ diagnosis: Diagnosis) -> Span {
    let counts = [(Judgement.Outcome.failed, "failed"), (.warned, "to see to")].compactMap {
      let count = diagnosis.count($0.0)
      return count > 0 ? "\(count) \($0.1)" : nil
    }
    let summary = counts.isEmpty ? "all passed" : counts.joined(separator: ", ")
    let isGood = diagnosis.count(.failed) == 0
    let mark = isGood ? "●" : "✗"
    return Span(
      "\(mark) \(leak(diagnosis)) \(traffic(diagnosis)): \(summary)",
      !isGood ? .bad : diagnosis.count(.warned) > 0 ? .caution : .good)
  }

  private static func leak(_ diagnosis: Diagnosis) -> String {
    switch diagnosis.leak {
    case .leaking: "LEAK past the tunnel;"
    case .none: "no leak;"
    case .unknown: "leaks not tested;"
    }
  }

  private static func traffic(_ diagnosis: Diagnosis) -> String {
    let subject = diagnosis.role == .cloud ? "gateways" : "sandboxes"
    return switch diagnosis.traffic {
    case .flows: "\(subject) reach the Internet"
    case .blocked: "\(subject) cannot reach the Internet"
    case .unknown: "whether \(subject) reach the Internet is not known"
    }
  }

  private static func finding(_ check: Check, _ mark: String, _ tone: Tone, _ page: inout PageWriter) {
    page.prose([Span("  \(mark) ", tone)], [Span(check.id + ":", tone), Span(check.judgement.evidence)])
    if !check.judgement.remedy.isEmpty { page.prose([Span("    → ")], [Span(check.judgement.remedy)]) }
  }

  private static func list(_ title: String, _ checks: [Check], _ page: inout PageWriter) {
    guard !checks.isEmpty else { return }
    page.blank()
    page.line([Span(title, .strong)])
    var table = Table(gap: 2)
    for check in checks { table.add([Span(check.id), Span(check.judgement.evidence, .faint)]) }
    table.write(to: &page, indent: 2)
  }

  private static let elsewhere =
    "Not to be seen from here: Cilium's policy and its egressIP, the providers' security groups, and what a sandbox "
    + "sees; run doctor on the other end of the tunnel too."
}
