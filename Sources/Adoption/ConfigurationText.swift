import Configuration
import Model

/// The configuration file that equals what was found, with where each value stands.
public struct ConfigurationText: Sendable {
  public let text: String

  /// The first line; a file that begins with it was made here.
  public static let header = "# Made by \"liteboxd-agent adopt\" from the recipe that it found on this host."

  public init(_ finding: FoundRecipe, network: Found<ZeroTierNetworkID>) {
    switch finding {
    case .gateway(let gateway): self.init(gateway, network: network)
    case .cloud(let cloud): self.init(cloud, network: network)
    }
  }

  private init(_ finding: GatewayFinding, network: Found<ZeroTierNetworkID>) {
    let exits = finding.exits.enumerated().map { place, exit in
      """
          - name: \(Self.name(ofExit: place))
      \(Self.comment(exit.places, indent: 6))
            address: \(exit.value)
      """
    }.joined(separator: "\n")
    text = Self.file(
      role: "gateway", network,
      """
      gateway:
      \(Self.comment(finding.egressIP.places))
        egressIP: \(finding.egressIP.value)
        # In order of preference; another cloud server can be added.
        exits:
      \(exits)
      \(Self.comment(finding.excluded.places))
        excludedCIDRs: [\(finding.excluded.value.map(\.description).joined(separator: ", "))]
      \(Self.comment(finding.table.places + ["this table and the next one are the agent's alone from now on"]))
        routingTable: \(finding.table.value)
      \(Self.whenDown(finding.whenDown))
      """)
  }

  private init(_ finding: CloudFinding, network: Found<ZeroTierNetworkID>) {
    text = Self.file(
      role: "cloud", network,
      """
      cloud:
      \(Self.comment(finding.sources.flatMap(\.places)))
        sources: [\(finding.sources.map(\.value.description).joined(separator: ", "))]
      \(Self.comment(finding.wan.places))
        wanInterface: \(Self.scalar(finding.wan.value.text))
        snat: masquerade
        # The recipe let any protocol and port out, and to any address. Private destinations, which no gateway sends here
        # by its default, are denied unless this is none.
        allow: []
        denyDestinations: private
      """)
  }

  private static func file(role: String, _ network: Found<ZeroTierNetworkID>, _ section: String) -> String {
    """
    \(header)
    # Keys that are not here have their defaults. Check a changed file with "liteboxd-agent check".

    role: \(role)

    zerotier:
    \(comment(network.places))
      networkID: "\(network.value)"

    \(section)

    """
  }

  private static func whenDown(_ found: Found<Route.Kind>?) -> String {
    let word: String =
      switch found?.value {
      case .unreachable: "unreachable"
      case .prohibit: "prohibit"
      case .blackhole, .unicast, .throwToNextRule, .other, nil: "blackhole"
      }
    let places =
      found?.places ?? ["the recipe has nothing here, and sends by the uplink what the tunnel cannot take"]
    return "\(comment(places))\n  whenDown: \(word)"
  }

  /// cloud-a, cloud-b, …
  private static func name(ofExit place: Int) -> String {
    place < 26 ? "cloud-\(Character(Unicode.Scalar(UInt8(ascii: "a") + UInt8(place))))" : "cloud-\(place + 1)"
  }

  /// Others' words stand in comments only, on one line each.
  private static func comment(_ places: [String], indent: Int = 2) -> String {
    places.map { String(repeating: " ", count: indent) + "# " + plain($0) }.joined(separator: "\n")
  }

  private static func plain(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.isASCII && $0.value >= 0x20 && $0.value < 0x7f ? $0 : "?" }))
  }

  /// An interface may be called `no`, or have quotes in its name.
  private static func scalar(_ text: String) -> String {
    text.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) }
      && text.utf8.first.map { $0 > 0x39 } ?? false
      && !["no", "on", "off", "yes", "true", "false", "null", "auto", "y", "n"].contains(text)
      ? text
      : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }
}
