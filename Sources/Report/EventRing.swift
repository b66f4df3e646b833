/// The last events, in the order of their numbers: bounded in number and in octets, and fair, so that a storm of one
/// kind does not push the others out.
public struct EventRing: Sendable {
  public static let mostEvents = 1_000
  /// About; an event's own text may take up to six times as much in JSON.
  public static let mostOctets = 256 * 1024
  /// Repairs that are alike count as one, if no more than so many events and so much time lie between them.
  static let foldingReach = 8
  static let foldingSeconds: Int64 = 60

  public private(set) var events: [AgentEvent] = []
  /// The number of what happened last; 0: nothing has.
  public private(set) var last: Int64 = 0
  private var room: [Happening.Kind: Room] = [:]
  private var octets = 0

  private struct Room {
    var events = 0
    var octets = 0
  }

  /// What became of something that happened.
  public enum Place: Equatable, Sendable {
    case new
    /// It is one more of what happened before.
    case folded
  }

  public init() {}

  @discardableResult public mutating func append(_ happening: Happening, at time: Timestamp) -> Place {
    let happening = happening.bounded
    last += 1
    if let index = folding(happening, at: time), let folded = events[index].happening.folded(with: happening)
    {
      var event = events.remove(at: index)
      event.happening = folded
      event.number = last
      event.lastTime = time
      event.count += 1
      events.append(event)
      return .folded
    }
    add(AgentEvent(number: last, at: time, happening))
    return .new
  }

  /// Takes up what an earlier run kept, read from its file in any order. To be called before anything is appended.
  public mutating func restore(_ kept: [AgentEvent]) {
    var latest: [Int64: AgentEvent] = [:]
    for event in kept where event.isPlausible && event.number > latest[event.first]?.number ?? 0 {
      latest[event.first] = event
    }
    for event in latest.values.sorted(by: { $0.number < $1.number }) where event.number > last {
      last = event.number
      add(event)
    }
  }

  /// Those that happened, or happened again, after that number.
  public func events(after number: Int64) -> ArraySlice<AgentEvent> {
    let start = events.lastIndex { $0.number <= number }.map { $0 + 1 } ?? 0
    return events[start...]
  }

  private func folding(_ happening: Happening, at time: Timestamp) -> Int? {
    guard happening.isFoldable else { return nil }
    for index in events.indices.reversed().prefix(Self.foldingReach) {
      let event = events[index]
      guard event.happening.isFoldable else { return nil }
      let pause = max(time, event.lastTime).seconds(since: min(time, event.lastTime))
      if pause <= Self.foldingSeconds, event.happening.folded(with: happening) != nil { return index }
    }
    return nil
  }

  private mutating func add(_ event: AgentEvent) {
    events.append(event)
    count(event, 1)
    while events.count > Self.mostEvents || octets > Self.mostOctets, events.count > 1 { drop() }
  }

  /// The oldest of the kind that has more than half of the room, else the oldest of all.
  private mutating func drop() {
    let greedy = room.first { $0.value.events > events.count / 2 || $0.value.octets > octets / 2 }?.key
    let index = events.firstIndex { $0.happening.kind == greedy } ?? 0
    count(events.remove(at: index), -1)
  }

  private mutating func count(_ event: AgentEvent, _ sign: Int) {
    let size = event.happening.octets
    octets += sign * size
    room[event.happening.kind, default: Room()].events += sign
    room[event.happening.kind, default: Room()].octets += sign * size
  }
}

extension AgentEvent {
  /// Numbers that no history comes to leave none to go on with.
  fileprivate var isPlausible: Bool { first <= number && number < 1 << 52 && (1..<1 << 52).contains(count) }
}
