import Model

/// An iptables entry of the recipe's, by what it does.
public struct RecipeEntry: Hashable, Sendable {
  public enum Role: Hashable, Sendable {
    /// -t nat -A POSTROUTING -s SUBNET -o WAN -j MASQUERADE
    case masquerade(CIDR, InterfaceName)
    /// -A FORWARD -i zt+ -o WAN -j ACCEPT
    case forwardOut(InterfaceName)
    /// -A FORWARD -i WAN -o zt+ -m state --state RELATED,ESTABLISHED -j ACCEPT
    case forwardBack(InterfaceName)
  }

  public let role: Role
  public let entry: IptablesListing.Entry

  /// nil for what is none of the recipe's: every word has to be known, so that nobody else's entry is taken for one.
  public init?(_ entry: IptablesListing.Entry) {
    guard let options = Options(entry.words) else { return nil }
    self.entry = entry
    switch (entry.table, entry.chain) {
    case ("nat", "POSTROUTING"):
      guard let source = options.source, let wan = options.output, options.input == nil, !Self.isTunnel(wan),
        options.states.isEmpty, options.target == "MASQUERADE", let name = InterfaceName(wan)
      else { return nil }
      role = .masquerade(source, name)
    case ("filter", "FORWARD"):
      guard options.source == nil, options.target == "ACCEPT", let input = options.input,
        let output = options.output
      else { return nil }
      if Self.isTunnel(input), !Self.isTunnel(output), options.states.isEmpty, let wan = InterfaceName(output)
      {
        role = .forwardOut(wan)
      } else if Self.isTunnel(output), !Self.isTunnel(input), options.states == ["RELATED", "ESTABLISHED"],
        let wan = InterfaceName(input)
      {
        role = .forwardBack(wan)
      } else {
        return nil
      }
    default: return nil
    }
  }

  /// `zt+`, or one link of ZeroTier's.
  static func isTunnel(_ name: String) -> Bool { name.hasPrefix("zt") }

  public var wan: InterfaceName {
    switch role {
    case .masquerade(_, let wan), .forwardOut(let wan), .forwardBack(let wan): wan
    }
  }

  public var isMasquerade: Bool { if case .masquerade = role { true } else { false } }

  /// The options that the recipe's entries have.
  private struct Options {
    var source: CIDR?
    var input: String?
    var output: String?
    var states: Set<String> = []
    var target = ""

    init?(_ words: [String]) {
      var rest = words[...]
      while let option = rest.popFirst() {
        guard let value = rest.popFirst() else { return nil }
        switch (option, value) {
        // A network without host bits, since the kernel has cut them off; one address has no length.
        case ("-s", _):
          guard let network = (try? CIDR(parsing: value)) ?? IPAddress(value).map(CIDR.init) else {
            return nil
          }
          source = network
        case ("-i", _): input = value
        case ("-o", _): output = value
        case ("-j", _): target = value
        case ("-m", "state"), ("-m", "conntrack"), ("-m", "comment"), ("--comment", _): continue
        case ("--state", _), ("--ctstate", _): states = Set(value.split(separator: ",").map(String.init))
        default: return nil
        }
      }
    }
  }
}

extension IptablesListing {
  /// Those of the recipe, in order.
  public var recipeEntries: [RecipeEntry] { entries.compactMap(RecipeEntry.init) }
}
