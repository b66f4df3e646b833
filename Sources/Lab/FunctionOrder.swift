import Glibc

/// Which functions of the agent run again and again, by callgrind. The linker puts them next to each other
/// (`Sources/liteboxd-agent/functions.order`), so that what runs at rest lies in few pages: the kernel maps the pages
/// around each that is used.
public enum FunctionOrder {
  /// Writes the order anew.
  ///
  /// - Parameter agent: a release binary that still has its symbols.
  /// - Returns: the exit status.
  public static func run(into file: String, agent: String?) -> Int32 {
    do {
      guard InstructionMeter.isAvailable else {
        throw LabError("counting instructions", "valgrind is missing; run make packaging")
      }
      let lab = try Lab(.init(agent: agent))
      defer { lab.close() }
      let functions = try functions(lab)
      guard functions.count > 100 else {
        throw LabError("reading the agent's functions", "only \(functions.count) have names; is it stripped?")
      }
      try writeFile(file, functions.map { $0 + "\n" }.joined(), creating: .mode(0o644))
      Demo.say("\(functions.count) functions in \(file)")
      return 0
    } catch {
      Demo.say("order: \(error)")
      return 1
    }
  }

  /// Those of a repair first, then those of rest.
  private static func functions(_ lab: Lab) throws -> [String] {
    var meter = try InstructionMeter(lab)
    let agent = meter.agent
    let repairing = try meter.functions {
      _ = try lab.measureRepairs(rounds: 5, pause: .milliseconds(100), agent)
    }
    let resting = try meter.functions { lab.letPass(.seconds(35)) }
    var seen: Set<String> = []
    return (repairing + resting).filter { seen.insert($0).inserted }
  }
}

extension InstructionMeter {
  /// The agent's own functions that it executes while `body` runs, as the linker calls them.
  mutating func functions(during body: () throws -> Void) throws -> [String] {
    _ = try dump()
    try body()
    var names = CallgrindNames()
    let program = "/" + (agent.program.program.split(separator: "/").last ?? "")
    var isOwn = false
    var functions: [String] = []
    // The format of callgrind's output: a name has a number, and stands where the number comes first.
    for line in try readFile(try dump().file).split(separator: "\n") {
      guard let equals = line.firstIndex(of: "="), line[..<equals].count <= 3 else { continue }
      let name = names.name(line[line.index(after: equals)...], of: line[..<equals])
      switch line[..<equals] {
      case "ob": isOwn = name.hasSuffix(program)
      // Behind an apostrophe stands how deep a function is in itself; what has no symbol is a number.
      case "fn" where isOwn && !name.hasPrefix("0x"): functions.append(String(name.prefix { $0 != "'" }))
      default: break
      }
    }
    return functions
  }
}

/// Names that callgrind writes once and then calls by number.
private struct CallgrindNames {
  private var objects: [Substring: Substring] = [:]
  private var functions: [Substring: Substring] = [:]

  /// - Parameter key: of the line, which says what is named.
  mutating func name(_ text: Substring, of key: Substring) -> Substring {
    let words = text.split(separator: " ", maxSplits: 1)
    guard let number = words.first else { return "" }
    switch key {
    case "ob", "cob":
      if words.count > 1 { objects[number] = words[1] }
      return objects[number] ?? ""
    case "fn", "cfn":
      if words.count > 1 { functions[number] = words[1] }
      return functions[number] ?? ""
    default: return ""
    }
  }
}
