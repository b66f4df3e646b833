import JSON

extension BenchUnit {
  fileprivate init(named name: String) {
    let known: [BenchUnit] = [.seconds, .bytes, .count, .share, .times]
    self = known.first { $0.name == name } ?? .other(name)
  }
}

extension BenchReport {
  /// Everything in base units.
  public var json: JSONValue {
    [
      "parts": .array(
        parts.map { part in
          [
            "name": .string(part.name), "tookSeconds": .number(part.took.seconds),
            "sections": .array(part.sections.map(\.json)),
          ]
        })
    ]
  }

  func save(at path: String) throws(LabError) {
    try writeFile(path, json.text + "\n", creating: .mode(0o644))
  }

  /// An earlier run, to compare with: its rows, without ratios and goals.
  init(savedAt path: String) throws(LabError) {
    do { try self.init(json: JSONValue(parsing: readFile(path).utf8)) } catch {
      throw LabError("reading the earlier run's figures in \(path)", "\(error)")
    }
  }

  /// The same, from the JSON itself.
  public init(json: JSONValue) throws {
    guard let parts = json["parts"]?.array else { throw LabError("reading figures", "there are no parts") }
    self.init(
      parts: try parts.map { part in
        guard let name = part["name"]?.string, let sections = part["sections"]?.array else {
          throw LabError("reading figures", "a part without name or sections")
        }
        return Part(
          name: name, sections: try sections.map(BenchSection.init(json:)),
          took: .seconds(part["tookSeconds"]?.number ?? 0))
      })
  }
}

extension BenchSection {
  fileprivate var json: JSONValue {
    [
      "title": .string(title), "rows": .array(rows.map(\.json)),
      "notes": .array(notes.map(JSONValue.string)), "goals": .array(goals.map(\.json)),
    ]
  }

  fileprivate init(json: JSONValue) throws {
    guard let title = json["title"]?.string, let rows = json["rows"]?.array else {
      throw LabError("reading figures", "a section without title or rows")
    }
    self.init(title, try rows.map(BenchRow.init(json:)))
  }
}

extension BenchGoal {
  fileprivate var json: JSONValue {
    [
      "text": .string(text), "unit": .string(unit.name), "figure": figure.map(JSONValue.number) ?? .null,
      "limit": .string(limit.text(unit)), "holds": .bool(holds),
    ]
  }
}

extension BenchRow {
  fileprivate var json: JSONValue {
    let known: [JSONValue.Member] = [.init("name", .string(name)), .init("unit", .string(unit.name))]
    let ratios = self.ratios.map { ["of": .string($0.other), "value": .number($0.value)] as JSONValue }
    return .object(known + members + [.init("ratios", .array(ratios))])
  }

  private var members: [JSONValue.Member] {
    switch figure {
    case .spread(let spread):
      [
        .init("count", .integer(Int64(spread.count))), .init("median", .number(spread.median)),
        .init("p99", .number(spread.p99)), .init("max", .number(spread.max)),
      ]
    case .single(let value): [.init("value", .number(value))]
    case .none(let reason): [.init("none", .string(reason))]
    }
  }

  fileprivate init(json: JSONValue) throws {
    guard let name = json["name"]?.string, let unit = json["unit"]?.string else {
      throw LabError("reading figures", "a row without name or unit")
    }
    // Of several measurements the median is what is compared.
    let value = json["median"]?.number ?? json["value"]?.number
    self.init(
      name, BenchUnit(named: unit), value.map(Figure.single) ?? .none(json["none"]?.string ?? "not measured"))
  }
}
