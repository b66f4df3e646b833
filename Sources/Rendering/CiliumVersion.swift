/// Cilium's version, as far as its egress gateway differs by it.
public struct CiliumVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let major: UInt
  public let minor: UInt

  public init(_ major: UInt, _ minor: UInt) {
    self.major = major
    self.minor = minor
  }

  /// Reads `1.17`, `1.17.4` and `v1.17.4`; nil for anything else, and for what is older than `oldest`.
  public init?(_ text: String) {
    let digits = text.hasPrefix("v") ? text.dropFirst() : text[...]
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    let isNumeric = parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
    guard (2...3).contains(parts.count), isNumeric, let major = UInt(parts[0]), let minor = UInt(parts[1])
    else { return nil }
    self.init(major, minor)
    guard self >= CiliumVersion.oldest else { return nil }
  }

  /// Of those whose behaviour is known.
  public static let oldest = CiliumVersion(1, 16)
  /// The first whose policies have `egressGateways`, a list.
  public static let firstWithList = CiliumVersion(1, 18)

  public var description: String { "\(major).\(minor)" }

  public static func < (a: CiliumVersion, b: CiliumVersion) -> Bool {
    (a.major, a.minor) < (b.major, b.minor)
  }
}
