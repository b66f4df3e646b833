import JSON

/// The daemon's answer to who asks for events.
public struct EventAnswer: Equatable, Sendable {
  /// The number of what happened last.
  public var last: Int64
  /// Another number after each start of the daemon.
  public var run: Int64
  /// The number of that run's first event: former runs may have had more than they could keep.
  public var runFirst: Int64
  /// In their order, as `AgentEvent.json()` writes them; those of a newer daemon may be of unknown kinds.
  public var events: [JSONValue]

  public init(last: Int64, run: Int64, runFirst: Int64, events: [JSONValue]) {
    self.last = last
    self.run = run
    self.runFirst = runFirst
    self.events = events
  }

  public func json() -> JSONValue {
    [
      "last": .integer(last), "run": .integer(run), "runFirst": .integer(runFirst), "events": .array(events),
    ]
  }

  public init(json: JSONValue) throws(StatusFormatError) {
    let reader = try StatusReader(json)
    last = try reader.required("last", "a number", \.integer)
    run = try reader.required("run", "a number", \.integer)
    runFirst = try reader.required("runFirst", "a number", \.integer)
    events = try reader.required("events", "an array", \.array)
  }

  /// After which number to ask next, for who knows everything of another run up to `number`.
  public func resumption(from number: Int64) -> Int64 { min(number, max(0, runFirst - 1)) }

  /// Keeps what happened, or happened again, since then.
  public mutating func keep(since moment: Timestamp) {
    events = events.filter { event in
      event["lastTime"]?.string.flatMap { Timestamp($0) }.map { $0 >= moment } ?? true
    }
  }

  /// The last ones alone.
  public mutating func keep(last count: Int) { events = events.suffix(count) }

  /// An event as a line for people.
  public static func line(_ event: JSONValue) -> String {
    do throws(StatusFormatError) { return try AgentEvent(json: event).line } catch {
      return terminalSafe(event.text)
    }
  }
}
