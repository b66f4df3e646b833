/// Has the kernel's dumps look as if something had changed while they were made.
public final class NetlinkInterruption: NetlinkMiddleman {
  /// What the agent sees of a dump.
  public enum Look: String, CaseIterable, Sendable {
    /// All of it, each message with NLM_F_DUMP_INTR.
    case flagged
    /// The first object alone; the flag is on that one. A dump of nothing cannot be cut, and does not count.
    case cut
    /// Nothing but the end, NLMSG_DONE, with the flag.
    case gone
    /// Nothing, and no word of it: what no kernel does, to see what comes of it.
    case goneUnflagged
  }

  private struct State {
    var type: UInt16?
    var look = Look.flagged
    var left = 0
    var marked: Set<Mark> = []
    var started: Set<Mark> = []
    var count = 0
  }

  private struct Mark: Hashable {
    let descriptor: Int32
    let sequence: UInt32
  }

  private let state = Guarded(State())

  public init() {}

  /// The next `count` dumps of that type are interrupted; nil: of every type.
  public func interrupt(_ type: UInt16?, _ look: Look, times count: Int) {
    state.withLock { $0 = State(type: type, look: look, left: count) }
  }

  /// Lets everything through from now on.
  public func relent() {
    state.withLock {
      $0.left = 0
      $0.marked = []
    }
  }

  /// Dumps that were interrupted since the last `interrupt`.
  public var count: Int { state.withLock { $0.count } }

  public func down(_ datagram: inout NetlinkDatagram, _ request: KernelRequest) {
    guard request.purpose == .question, let question = datagram.messages.first else { return }
    state.withLock { state in
      guard state.left > 0, state.type ?? question.type == question.type else { return }
      state.left -= 1
      state.count += 1
      state.marked.insert(Mark(descriptor: datagram.descriptor, sequence: question.sequence))
    }
  }

  public func up(_ datagram: inout NetlinkDatagram) -> NetlinkVerdict {
    state.withLock { state in
      for message in datagram.messages {
        let mark = Mark(descriptor: datagram.descriptor, sequence: message.sequence)
        guard state.marked.contains(mark) else { continue }
        let isEnd = message.type == NetlinkDatagram.done || message.type == NetlinkDatagram.error
        if state.look == .cut && isEnd && !state.started.contains(mark) {
          state.marked.remove(mark)
          state.left += 1
          state.count -= 1
          continue
        }
        let isFirst = !isEnd && state.started.insert(mark).inserted
        let flagged: Bool =
          switch state.look {
          case .flagged: true
          case .cut: !isEnd
          case .gone: isEnd
          case .goneUnflagged: false
          }
        if flagged { datagram.flag(message, NetlinkDatagram.interrupted) }
        let isSeen = isEnd || state.look == .flagged || state.look == .cut && isFirst
        if !isSeen { datagram.lose(message) }
      }
      return .goOn
    }
  }
}
