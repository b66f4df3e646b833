import Glibc

/// How the kernel disappoints an agent that asks for a change.
public enum KernelFault: Hashable, Sendable {
  /// It does nothing, since it cannot read one message in the middle; the answer gives that errno.
  case refused(Int32)
  /// It does all, and the answer says that it failed with that errno.
  case denied(Int32)
  /// It does all, and the answer is lost: ENOBUFS comes in its place.
  case lost
  /// It does all, and no answer comes.
  case unanswered

  /// Whether the kernel's state is the old one.
  public var isRefusal: Bool { if case .refused = self { true } else { false } }
}

extension KernelFault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .refused(let number): "refused with \(errnoName(number))"
    case .denied(let number): "done, and answered with \(errnoName(number))"
    case .lost: "done, and the answer lost"
    case .unanswered: "done, and not answered"
    }
  }
}

/// Makes the kernel refuse an agent's changes, or falsifies its answers.
public final class NetlinkFaults: NetlinkMiddleman {
  /// Which changes are meant, counted from when it was said.
  public enum Target: Sendable {
    case change(Int)
    case every, none
  }

  private struct State {
    var target = Target.none
    var fault = KernelFault.lost
    var count = 0
    var struck: [KernelRequest] = []
    /// Of the last change that was struck: the socket and the numbers of its messages.
    var pending: (descriptor: Int32, sequences: Set<UInt32>)?
  }

  private let state = Guarded(State())
  private let each: @Sendable (KernelRequest, Moment) throws -> Void

  /// When `each` is called: around every change, while the agent stands still.
  public enum Moment: Sendable {
    case before
    case after(KernelFault?)
  }

  public init(each: @escaping @Sendable (KernelRequest, Moment) throws -> Void = { _, _ in }) {
    self.each = each
  }

  public func strike(_ target: Target, with fault: KernelFault) {
    state.withLock { $0 = State(target: target, fault: fault) }
  }

  /// Lets everything through from now on.
  public func relent() { state.withLock { $0.target = .none } }

  /// Changes that were struck since the last `strike`.
  public var struck: [KernelRequest] { state.withLock { $0.struck } }

  public func down(_ datagram: inout NetlinkDatagram, _ request: KernelRequest) throws {
    guard request.purpose == .change else { return }
    try each(request, .before)
    let messages = datagram.messages
    let fault = state.withLock { state -> KernelFault? in
      state.count += 1
      state.pending = nil
      switch state.target {
      case .none: return nil
      case .change(let number): guard state.count == number else { return nil }
      case .every: break
      }
      state.struck.append(request)
      state.pending = (datagram.descriptor, Set(messages.map(\.sequence)))
      return state.fault
    }
    if case .refused? = fault { datagram.spoil(messages[messages.count / 2]) }
  }

  public func done(_ request: KernelRequest) throws -> NetlinkVerdict {
    guard request.purpose == .change else { return .goOn }
    try each(request, .after(state.withLock { $0.pending == nil ? nil : $0.fault }))
    return .goOn
  }

  public func up(_ datagram: inout NetlinkDatagram) throws -> NetlinkVerdict {
    let (pending, fault) = state.withLock { ($0.pending, $0.fault) }
    guard let pending, pending.descriptor == datagram.descriptor else { return .goOn }
    let answers = datagram.messages.filter { pending.sequences.contains($0.sequence) }
    guard !answers.isEmpty else { return .goOn }
    for answer in answers {
      switch fault {
      case .refused(let number), .denied(let number):
        guard answer.type == NetlinkDatagram.error else { continue }
        datagram.set(-number, at: answer.range.lowerBound + 16)
      case .lost: return .fail(ENOBUFS)
      case .unanswered: datagram.lose(answer)
      }
    }
    return .goOn
  }
}
