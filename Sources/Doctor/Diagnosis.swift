import Configuration
import Report

/// All checks of a host, in the order of causes: what an earlier one finds explains later ones.
public struct Diagnosis: Sendable {
  public let checks: [Check]
  public let role: Report.RoleName?
  /// Whether sandboxes' packets get through, as far as this host shows.
  public let traffic: Traffic
  public let leak: Leak

  public enum Traffic: String, Sendable { case flows, blocked, unknown }
  public enum Leak: String, Sendable { case none, leaking, unknown }

  public init(_ host: HostObservations) {
    let scopes = host.scopes
    checks = Examination.all.filter { scopes.contains($0.scope) }.map {
      Check(id: $0.id, title: $0.title, $0.judge(host))
    }
    role = host.configuration.inForce.map { if case .gateway = $0.role { .gateway } else { .cloud } }
    let consequences = checks.map(\.judgement.consequence)
    traffic = consequences.contains(.blocks) ? .blocked : host.traffic
    let tests = checks.filter { Examination.leakTests.contains($0.id) }
    leak =
      consequences.contains(.leaks)
      ? .leaking : tests.contains { $0.judgement.outcome == .passed } ? .none : .unknown
  }

  public func count(_ outcome: Judgement.Outcome) -> Int {
    checks.count { $0.judgement.outcome == outcome }
  }

  public func checks(_ outcome: Judgement.Outcome) -> [Check] {
    checks.filter { $0.judgement.outcome == outcome }
  }

  /// The first that explains what is wrong with the traffic; else the first that is wrong at all.
  public var cause: Check? { causes.first }

  /// What failed, likely causes first: what stops traffic, or lets it leak, before the rest.
  var causes: [Check] {
    let failed = checks(.failed)
    return failed.filter { $0.judgement.consequence == .blocks && !Examination.summaries.contains($0.id) }
      + failed.filter { $0.judgement.consequence != .blocks && !Examination.leakTests.contains($0.id) }
      + failed.filter { Examination.leakTests.contains($0.id) }
      + failed.filter { $0.judgement.consequence == .blocks && Examination.summaries.contains($0.id) }
  }

  /// 0 nothing failed, 1 something did.
  public var exitStatus: Int32 { count(.failed) == 0 ? 0 : 1 }
}

extension HostObservations {
  fileprivate var scopes: Set<Examination.Scope> {
    switch configuration.inForce?.role {
    case .gateway: [.host, .configured, .gateway]
    case .cloud: [.host, .configured, .cloud]
    case nil: [.host]
    }
  }

  /// What is known beside the checks.
  fileprivate var traffic: Diagnosis.Traffic {
    if let status { return status.tunnelUp ? .flows : .blocked }
    guard let state = state.value, state.unreadable.isEmpty, state.plan.isEmpty, tunnel.value != nil else {
      return .unknown
    }
    return .flows
  }
}

extension Role {
  /// As the file writes it.
  var word: String { if case .gateway = self { "gateway" } else { "cloud" } }
}
