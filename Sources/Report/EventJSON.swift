import JSON

// What `events --json` prints and the history's file has in its lines. The names are a contract with scripts.

extension AgentEvent: StatusPart {
  /// An object with what all events have, and behind it what this kind has.
  public func json() -> JSONValue {
    .object(
      [
        .init("number", .integer(number)), .init("first", .integer(first)),
        .init("event", .string(happening.kind.rawValue)), .init("time", .string(time.description)),
        .init("lastTime", .string(lastTime.description)), .init("count", .integer(Int64(count))),
      ] + happening.members)
  }

  /// Reads what `json()` wrote, members of a newer version left aside.
  public init(json: JSONValue) throws(StatusFormatError) { try self.init(reading: StatusReader(json)) }

  init(reading reader: StatusReader) throws(StatusFormatError) {
    number = Int64(try reader.count("number"))
    first = Int64(try reader.count("first"))
    time = try reader.time("time")
    lastTime = try reader.time("lastTime")
    count = try reader.count("count")
    happening = try Happening(reading: reader).bounded
  }
}

extension Happening {
  fileprivate var members: [JSONValue.Member] {
    switch self {
    case .started(let version): [.init("version", .string(version))]
    case .driftRepaired(let repair):
      [
        .init("changes", strings(repair.changes)), .init("changesTotal", .integer(Int64(repair.total))),
        .init("by", strings(repair.by)), .init("seconds", .number(repair.seconds)),
      ]
    case .exitSwitched(let from, let to, let why):
      [
        .init("from", strings(from)), .init("to", strings(to)),
        .init("why", why.map(JSONValue.string) ?? .null),
      ]
    case .phaseChanged(let from, let to, let reasons):
      [
        .init("from", .string(from.rawValue)), .init("to", .string(to.rawValue)),
        .init("reasons", strings(reasons)),
      ]
    case .configurationTaken(let cause, let sha256):
      [.init("cause", .string(cause)), .init("sha256", .string(sha256))]
    case .configurationRefused(let cause, let error):
      [.init("cause", .string(cause)), .init("error", .string(error))]
    case .fightBegan(let names): [.init("by", strings(names))]
    case .stopped, .overrun, .fightEnded: []
    }
  }

  fileprivate init(reading reader: StatusReader) throws(StatusFormatError) {
    let kind: Kind = try reader.word("event")
    switch kind {
    case .started: self = .started(version: try reader.string("version"))
    case .stopped: self = .stopped
    case .driftRepaired: self = .driftRepaired(try Repair(reading: reader))
    case .exitSwitched:
      let why = try reader.optional("why", "a string", \.string)
      self = .exitSwitched(from: try reader.strings("from"), to: try reader.strings("to"), why: why)
    case .phaseChanged:
      self = .phaseChanged(
        from: try reader.word("from"), to: try reader.word("to"), reasons: try reader.strings("reasons"))
    case .configurationTaken:
      self = .configurationTaken(cause: try reader.string("cause"), sha256: try reader.string("sha256"))
    case .configurationRefused:
      self = .configurationRefused(cause: try reader.string("cause"), error: try reader.string("error"))
    case .overrun: self = .overrun
    case .fightBegan: self = .fightBegan(with: try reader.strings("by"))
    case .fightEnded: self = .fightEnded
    }
  }
}

extension Happening.Repair {
  fileprivate init(reading reader: StatusReader) throws(StatusFormatError) {
    self.init(
      changes: try reader.strings("changes"), by: try reader.strings("by"),
      seconds: try reader.required("seconds", "a number", \.number))
    total = try reader.count("changesTotal")
  }
}

private func strings(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }
