import Testing

@testable import Configuration

/// A small generator with a seed (Steele, Lea and Flood, "SplitMix"), so that a failure can be had again.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

@Suite("Damaged files")
struct RobustnessTests {
  @Test(
    "any damage leaves a value, or errors with places inside the file",
    arguments: ["config/gateway.yaml", "config/cloud.yaml"])
  func mutations(_ path: String) throws {
    let original = try loadConfiguration(at: repositoryFile(path)).text
    var random = SplitMix(state: 20_261_121)
    var (used, refused) = (0, 0)
    for _ in 0..<1500 {
      var text = original
      for _ in 0...Int.random(in: 0..<4, using: &random) { mutate(&text, &random) }
      do throws(ConfigurationErrors) {
        _ = try AgentConfiguration(parsing: text, path: "f")
        used += 1
      } catch {
        refused += 1
        let lines = Self.lineLengths(text)
        for problem in error.all {
          let position = try #require(problem.position)
          try #require((1...lines.count).contains(position.line), "\(problem)")
          #expect((1...lines[position.line - 1] + 1).contains(position.column), "\(problem)")
          #expect(!problem.description.unicodeScalars.contains { $0.value < 0x20 }, "\(problem)")
        }
        #expect(error.all == error.all.sorted { $0.position ?? .start < $1.position ?? .start })
      }
    }
    // Most damage hits a comment; both must be common, or the test shows nothing.
    #expect(used > 100 && refused > 100, "\(used) used, \(refused) refused")
  }

  private static let fragments = [
    "&a ", "*a", "!!str ", "<<: ", "---\n", "...\n", "\t", "[", "]", "{", "}", ": ", "- ", "? ", "|\n", ">",
    "\"", "'",
    "#", "\n", "\r", "%", "~", "null", "\u{85}", "\u{2028}", "\u{feff}", "\u{1f980}", "\u{0}",
    "99999999999999999999",
    "  ", "0.0.0.0/0", "::1",
  ]

  private func mutate(_ text: inout [UInt8], _ random: inout SplitMix) {
    guard !text.isEmpty else { return }
    let place = Int.random(in: 0..<text.count, using: &random)
    let end = min(text.count, place + Int.random(in: 1...60, using: &random))
    switch Int.random(in: 0..<6, using: &random) {
    case 0: text[place] = UInt8.random(in: 0...255, using: &random)
    case 1: text.removeSubrange(place..<end)
    case 2: text.insert(contentsOf: text[place..<end], at: Int.random(in: 0...text.count, using: &random))
    case 3: text.removeSubrange(place...)
    case 4: text[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    default:
      text.insert(contentsOf: Array((Self.fragments.randomElement(using: &random) ?? "").utf8), at: place)
    }
  }

  /// Characters in each line, as YAML 1.1 ends lines; what is no UTF-8 counts by octets.
  private static func lineLengths(_ text: [UInt8]) -> [Int] {
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
}
