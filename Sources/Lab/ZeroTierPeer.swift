/// What a node's API says of one other node, in the shapes that were recorded. It says nothing of whether frames
/// pass.
public struct ZeroTierPeer: Hashable, Sendable {
  public enum Path: String, CaseIterable, Sendable {
    /// Of its own, and heard of just now.
    case direct
    /// Of its own, and not heard of since this was told: a peer that died is shown so for some 243 s, its
    /// latency what was measured last.
    case silent
    /// `paths: []`: relayed, or dead for four minutes.
    case pathless
    /// Not in the list; `GET /peer/ID` answers 200 with `{}`.
    case unlisted
  }

  public var path: Path
  /// The last measurement in milliseconds; -1 for none, which is what every pathless leaf was recorded with.
  public var latency: Int
  /// `-1.-1.-1` of a peer that was never heard of.
  public var version: String

  public init(_ path: Path, latency: Int? = nil, version: String = "1.14.1") {
    self.path = path
    self.latency = latency ?? (path == .pathless ? -1 : 11)
    self.version = version
  }

  public static let direct = ZeroTierPeer(.direct)
  public static let silent = ZeroTierPeer(.silent)
  public static let relayed = ZeroTierPeer(.pathless)
  public static let unlisted = ZeroTierPeer(.unlisted)
}

extension ZeroTierPeer {
  /// Three words of a command's line.
  var words: String { "\(path.rawValue) \(latency) \(version)" }

  init?(words: some Collection<String>) {
    let words = Array(words)
    guard words.count == 3, let path = Path(rawValue: words[0]), let latency = Int(words[1]) else {
      return nil
    }
    self.init(path, latency: latency, version: words[2])
  }

  /// The recording's values that are this peer's.
  var values: [String: String] {
    let parts = version.split(separator: ".")
    let numbers = Dictionary(
      uniqueKeysWithValues: zip(["major", "minor", "revision"], parts.map(String.init)))
    return numbers.merging(["latency": "\(latency)", "version": version]) { first, _ in first }
  }
}
