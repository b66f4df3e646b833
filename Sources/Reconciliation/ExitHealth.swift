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

  private var echo = ProbeHealth()
  /// nil: not asked.
  private var through: ProbeHealth?
  private var publicAddress: ProbeHealth?

  /// Nothing known yet.
  public init(_ settings: ProbeSettings) {
    through = settings.through.isEmpty ? nil : ProbeHealth()
    publicAddress = settings.publicAddress.map { _ in ProbeHealth() }
  }

  public private(set) subscript(check: Check) -> ProbeHealth? {
    get {
      switch check {
      case .echo: echo
      case .through: through
      case .publicAddress: publicAddress
      }
    }
    set {
      switch check {
      case .echo: echo = newValue ?? ProbeHealth()
      case .through: through = newValue
      case .publicAddress: publicAddress = newValue
      }
    }
  }

  /// Those that the configuration asks for, in the order of `Check`.
  public var checks: [Check] { Check.allCases.filter { self[$0] != nil } }

  private func all(_ holds: (ProbeHealth) -> Bool) -> Bool {
    holds(echo) && through.map(holds) ?? true && publicAddress.map(holds) ?? true
  }

  /// The worst of its checks; an exit of which a part is unknown is unknown.
  public var state: State {
    for worst in Self.worstFirst where !all({ $0.state != worst }) { return worst }
    return .healthy
  }

  private static let worstFirst: [State] = [.unhealthy, .unknown, .suspect]

  /// The first of its checks that makes it unhealthy.
  public var failingCheck: Check? { Check.allCases.first { self[$0]?.state == .unhealthy } }

  /// Healthy enough to carry traffic.
  public var isUsable: Bool { all(\.isUsable) }

  /// None of its checks has failed on this path.
  public var isFresh: Bool { all(\.isFresh) }

  /// Something was not heard of yet, and nothing speaks against it.
  public func isUntried(_ settings: ProbeSettings) -> Bool {
    !isUsable && all { $0.isUsable || $0.isUntried(settings) }
  }

  /// An answer to a question that is not asked any more changes nothing.
  public mutating func take(_ input: Input, from check: Check, _ settings: ProbeSettings) {
    self[check]?.take(input, settings)
  }

  /// Link, address or ZeroTier's word on the network changed.
  public mutating func changePath(_ settings: ProbeSettings) {
    for check in Check.allCases { self[check]?.take(.pathChanged, settings) }
  }
}
