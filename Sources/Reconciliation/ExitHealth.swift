import Configuration

/// What is known of one exit: what each kind of question to it has shown. All of them have to be answered.
public struct ExitHealth: Equatable, Sendable {
  /// What an exit is asked.
  public enum Check: Int, Sendable, CaseIterable {
    /// ICMP echo to its own address.
    case echo
    /// A connection to a server of the Internet through it.
    case through
    /// The address that a server of the Internet sees through it.
    case publicAddress
  }

  public typealias State = ProbeHealth.State
  public typealias Input = ProbeHealth.Input

  /// Those that the configuration asks for, in the order of `Check`.
  public let checks: [Check]
  private var healths: [ProbeHealth]

  /// Nothing known yet.
  public init(_ settings: ProbeSettings) {
    checks = settings.checks
    healths = checks.map { _ in ProbeHealth() }
  }

  public subscript(check: Check) -> ProbeHealth? {
    checks.firstIndex(of: check).map { healths[$0] }
  }

  /// The worst of its checks; an exit of which a part is unknown is unknown.
  public var state: State {
    for worst in [State.unhealthy, .unknown, .suspect] where healths.contains(where: { $0.state == worst }) {
      return worst
    }
    return .healthy
  }

  /// Healthy enough to carry traffic.
  public var isUsable: Bool { healths.allSatisfy(\.isUsable) }

  /// It was never unhealthy on this path.
  public var isFresh: Bool { healths.allSatisfy(\.isFresh) }

  /// Something was not heard of yet, and nothing speaks against it.
  public func isUntried(_ settings: ProbeSettings) -> Bool {
    !isUsable && healths.allSatisfy { $0.isUsable || $0.isUntried(settings) }
  }

  /// An answer to a question that is not asked any more changes nothing.
  public mutating func take(_ input: Input, from check: Check, _ settings: ProbeSettings) {
    guard let place = checks.firstIndex(of: check) else { return }
    healths[place].take(input, settings)
  }

  /// Link, address or ZeroTier's word on the network changed.
  public mutating func changePath(_ settings: ProbeSettings) {
    for place in healths.indices { healths[place].take(.pathChanged, settings) }
  }
}

extension ProbeSettings {
  var checks: [ExitHealth.Check] {
    [.echo] + (through.isEmpty ? [] : [.through]) + (publicAddress == nil ? [] : [.publicAddress])
  }
}
