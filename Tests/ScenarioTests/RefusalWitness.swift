import Glibc
import Lab
import Synchronization

/// Looks at the kernel around each change of an agent's, while the agent stands still.
final class RefusalWitness: Sendable {
  private struct State {
    var place = ""
    var table = ""
    var isGuarded = false
    var failures: [String] = []
  }

  private let lab: Lab
  private let situation: CrashSituation
  private let state = Mutex(State())

  init(_ scene: KernelScene) {
    lab = scene.lab
    situation = scene.situation
  }

  var failures: [String] { state.withLock { $0.failures } }

  /// - Parameter place: what the next run is.
  func begin(_ place: String) {
    state.withLock { state in
      state.place = place
      state.isGuarded = situation.doing != .start
    }
  }

  func look(_ request: KernelRequest, _ moment: NetlinkFaults.Moment) throws {
    let isBatch = request.bus == .netfilter && request.type == 0x10
    switch moment {
    case .before: if isBatch { try noteTable() }
    case .after(let fault):
      if isBatch, let fault { try compareTable(fault) }
      try countFromGuard()
    }
  }

  private func listing() throws -> String {
    withoutGateways(
      try lab.namespace(situation.node).execute(["nft", "-s", "list", "table", "inet", "liteboxd"]).run()
        .stdout)
  }

  private func noteTable() throws {
    let table = try listing()
    state.withLock { $0.table = table }
  }

  /// A batch is done whole or not at all.
  private func compareTable(_ fault: KernelFault) throws {
    let table = try listing()
    state.withLock { state in
      guard fault.isRefusal, table != state.table else { return }
      state.failures.append("\(state.place): half a batch: \(difference(table, state.table))")
    }
  }

  /// Until the agent's guard is in, a gateway is as open as it was; from then on all counts.
  private func countFromGuard() throws {
    guard situation.node == .gateway, !state.withLock({ $0.isGuarded }), try lab.isGuarded(.gateway) else {
      return
    }
    state.withLock { $0.isGuarded = true }
    try lab.resetLeaks()
  }
}

/// What came of a series.
struct RefusalOutcome: Sendable {
  let situation: CrashSituation
  /// In a run that nothing disturbed.
  var changes = 0
  /// What the agent met.
  var faults: Set<KernelFault> = []
  var failures: [String] = []
  /// Packets that got past a gateway without its guard: the probes do find a way.
  var leaksWithoutGuard = 0
}

extension KernelFault {
  static let refusals: [Int32] = [
    EPERM, EOPNOTSUPP, ENOMEM, ENOBUFS, EEXIST, EBUSY, ENOENT, EINVAL, ESRCH, ENODEV, EAGAIN,
  ]

  /// Those that are tried.
  static let all: [KernelFault] =
    refusals.map { .refused($0) } + [.denied(ENOBUFS), .denied(ENOMEM), .denied(EPERM), .lost, .unanswered]

  /// What the log has to say of it.
  var words: String {
    switch self {
    case .refused(let number), .denied(let number): "(\(errnoName(number)))"
    case .lost: "the answer was lost (ENOBUFS)"
    case .unanswered: "no answer within"
    }
  }
}

extension KernelRequest {
  /// A deletion whose answer is that there is no such thing, or not by that name any more (rtnetlink(7)).
  func isAnsweredGone(by fault: KernelFault) -> Bool {
    guard case .refused(let number) = fault, bus == .route, type & 3 == 1 else { return false }
    return [ENOENT, ESRCH, ENODEV].contains(number)
  }

  /// Whether the same is asked for again; how a batch is made depends on what was found.
  func repeats(_ other: KernelRequest) -> Bool {
    purpose == .change && bus == other.bus && (self == other || bus == .netfilter && type == other.type)
  }
}
