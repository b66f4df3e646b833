import Adoption
import Configuration

/// What iptables-persistent brings back at boot.
enum SavedRules {
  static let copy = "\(HostTraces.savedRulesPath).before-liteboxd"

  /// Takes those lines out. The file as it was before the first time is kept beside it.
  static func remove(_ entries: [RecipeEntry]) throws -> [String] {
    let path = HostTraces.savedRulesPath
    guard let bytes = try HostFile.read(path), let mode = HostFile.mode(path) else { return [] }
    let lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
    // Only if the lines are still what they were when they were found.
    let present = Set(IptablesListing(parsing: String(decoding: bytes, as: UTF8.self)).entries)
    guard entries.allSatisfy({ present.contains($0.entry) }) else {
      throw HostFile.Failure("changing", path, "it was changed meanwhile; run adopt again")
    }
    let gone = Set(entries.map(\.entry.line))
    let rest = lines.enumerated().filter { !gone.contains($0.offset) }.map(\.element).joined(separator: [0x0a]
    )
    if !HostFile.exists(copy) { try WholeFile.replace(copy, via: "\(copy).new", with: bytes, mode: mode) }
    try WholeFile.replace(path, via: "\(path).new", with: Array(rest), mode: mode)
    return []
  }
}
