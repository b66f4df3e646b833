@testable import Configuration

let configurationTargets = [
  FuzzTarget(
    name: "configuration",
    corpus: { [try repositoryBytes("config/gateway.yaml"), try repositoryBytes("config/cloud.yaml")] },
    words: [
      "&a ", "*a", "!!str ", "<<: ", "---\n", "...\n", "\t", "[", "]", "{", "}", ": ", "- ", "? ", "|\n", ">",
      "\"", "'", "#", "\n", "\r", "%", "~", "null", "\u{85}", "\u{2028}", "\u{feff}", "\u{1f980}", "\u{0}",
      "99999999999999999999", "  ", "0.0.0.0/0", "::1", "a: ", "[[[[", "{a: {", "exits:\n", "role: cloud\n",
    ],
    check: { { input, _ in try checkConfiguration(input) } })
]

/// A value, or errors in the file's order with places inside the file, printable.
private func checkConfiguration(_ text: [UInt8]) throws -> FuzzTarget.Outcome {
  do throws(ConfigurationErrors) {
    _ = try AgentConfiguration(parsing: text, path: "f")
    return .taken
  } catch {
    let lines = lineLengths(text)
    try promise((1...ConfigurationErrors.limit).contains(error.all.count), "\(error.all.count) errors")
    for problem in error.all {
      let shown = "\(problem)"
      guard let position = problem.position else { throw Finding("no place: \(shown)") }
      try promise((1...lines.count).contains(position.line), shown)
      try promise((1...lines[position.line - 1] + 1).contains(position.column), shown)
      try promise(!shown.unicodeScalars.contains { $0.value < 0x20 }, shown)
    }
    let places = error.all.map { $0.position ?? .start }
    try promise(places == places.sorted(), "not in the file's order: \(places)")
    return .refused
  }
}

/// Characters in each line, as YAML 1.1 ends lines; what is no UTF-8 counts by octets.
private func lineLengths(_ text: [UInt8]) -> [Int] {
  var lengths = [0]
  var previous: Unicode.Scalar = " "
  for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
    switch scalar {
    case "\n" where previous == "\r": break
    case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": lengths.append(0)
    default: lengths[lengths.count - 1] += 1
    }
    previous = scalar
  }
  return lengths
}
