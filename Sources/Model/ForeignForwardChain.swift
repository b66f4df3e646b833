/// A chain of somebody else's that forwarded packets pass (`hook forward`). What it drops stays dropped, whatever the
/// agent's own table accepts.
public struct ForeignForwardChain: Hashable, Sendable {
  public enum Family: String, Hashable, Sendable {
    case ip, inet
  }

  /// How a packet ends here that none of its rules accepts.
  public enum Ending: Hashable, Sendable {
    case accept
    case dropPolicy
    /// By a rule without conditions: `drop` or `reject`.
    case droppingRule
  }

  public let family: Family
  /// Others' words: to be escaped where they are shown.
  public let table: String
  public let name: String
  public let ending: Ending
  /// Links that rules of the table name; one that ends in `*` stands for all that begin so.
  public let links: Set<String>

  public init(family: Family, table: String, name: String, ending: Ending, links: Set<String>) {
    self.family = family
    self.table = table
    self.name = name
    self.ending = ending
    self.links = links
  }

  /// It drops what no rule accepts, and no rule of its table knows that link: packets from and to it end here.
  public func isInTheWay(of link: InterfaceName) -> Bool {
    ending != .accept
      && !links.contains { $0.hasSuffix("*") ? link.text.hasPrefix($0.dropLast()) : $0 == link.text }
  }
}
