import Synchronization

/// Kills an agent when the nth message that asks for a change has been sent, which is when the kernel has done what
/// it says, and before the agent has seen the answer.
public final class NetlinkKill: NetlinkMiddleman {
  private let fatal: Int
  private let each: @Sendable (Int) throws -> Void
  private let count = Atomic<Int>(0)

  /// `each` is called after every such message, while the agent stands still.
  public init(after fatal: Int, each: @escaping @Sendable (Int) throws -> Void = { _ in }) {
    self.fatal = fatal
    self.each = each
  }

  public func done(_ request: KernelRequest) throws -> NetlinkVerdict {
    guard request.purpose == .change else { return .goOn }
    let number = count.add(1, ordering: .relaxed).newValue
    try each(number)
    return number == fatal ? .kill : .goOn
  }
}
