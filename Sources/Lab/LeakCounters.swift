import JSON

/// Packets that should never have arrived where they did.
public struct LeakCount: Hashable, Sendable, CustomStringConvertible {
  /// At the far end of the gateway's uplink, from the tunnel's network to a destination that is not excluded.
  public var tcp = 0
  public var udp = 0
  public var icmp = 0
  /// The same of any other protocol.
  public var other = 0
  /// From a cloud server's WAN side, with an address of the tunnel as source or destination.
  public var cloud = 0
  /// From anywhere, with a unique local address as its source (RFC 4193): ZeroTier's own IPv6.
  public var ipv6 = 0
  /// How many of those at the far end of the uplink were from `Address.otherEgress`.
  public var ofOtherEgress = 0

  public var total: Int { tcp + udp + icmp + other + cloud + ipv6 }

  public var description: String {
    "\(total) (tcp \(tcp), udp \(udp), icmp \(icmp), other \(other), cloud \(cloud), ipv6 \(ipv6))"
  }
}

/// Counters of nftables in the Internet's namespace, where no protection of the nodes can touch them.
struct LeakCounters {
  let internet: NetworkNamespace

  func install() throws(LabError) {
    let excluded = Address.excludedNetworks.joined(separator: ", ")
    let leak =
      "iifname \"\(Topology.uplinkFarEnd)\" ip saddr \(Address.tunnelNetwork) ip daddr != { \(excluded) } meta l4proto"
    let clouds = (CloudServers.two.nodes.map(\.rawValue) + [SecondWAN.farEnd]).map { "\"\($0)\"" }
      .joined(separator: ", ")
    try internet.nft(
      ruleset: """
        table inet lab {
          \(LeakCounters.names.map { "counter \($0) { }" }.joined(separator: "\n"))
          chain arrivals {
            type filter hook prerouting priority raw; policy accept;
            \(leak) tcp counter name leak-tcp
            \(leak) udp counter name leak-udp
            \(leak) icmp counter name leak-icmp
            \(leak) != { tcp, udp, icmp } counter name leak-other
            \(leak) != 0 ip saddr \(Address.otherEgress) counter name leak-moved
            iifname { \(clouds) } ip saddr \(Address.tunnelNetwork) counter name leak-cloud
            iifname { \(clouds) } ip daddr \(Address.tunnelNetwork) counter name leak-cloud
            iifname != "lo" ip6 saddr fc00::/7 counter name leak-ipv6
            \(publicRules)
          }
        }
        """)
  }

  /// `tcp` alone would be a keyword of nftables.
  private static let names =
    ["tcp", "udp", "icmp", "other", "cloud", "ipv6", "moved"].map { "leak-\($0)" }
    + CloudServers.two.nodes.map { "public-\($0)" }

  private var publicRules: String {
    CloudServers.two.nodes.compactMap { cloud in
      cloud.publicAddress.map { "iifname \"\(cloud)\" ip saddr \($0) counter name public-\(cloud)" }
    }.joined(separator: "\n")
  }

  func read() throws -> LeakCount {
    let packets = try counters()
    return LeakCount(
      tcp: packets["leak-tcp"] ?? 0, udp: packets["leak-udp"] ?? 0, icmp: packets["leak-icmp"] ?? 0,
      other: packets["leak-other"] ?? 0, cloud: packets["leak-cloud"] ?? 0, ipv6: packets["leak-ipv6"] ?? 0,
      ofOtherEgress: packets["leak-moved"] ?? 0)
  }

  /// Packets that a cloud server sent under its public address.
  func published(by cloud: Node) throws -> Int { try counters()["public-\(cloud)"] ?? 0 }

  func reset() throws(LabError) { try internet.nft("reset", "counters", "table", "inet", "lab") }

  private func counters() throws -> [String: Int] {
    let listing = try JSONValue(parsing: internet.nft("-j", "list", "counters", "table", "inet", "lab").utf8)
    let pairs = (listing["nftables"]?.array ?? []).compactMap { entry -> (String, Int)? in
      guard let counter = entry["counter"], let name = counter["name"]?.string,
        let packets = counter["packets"]?.integer
      else { return nil }
      return (name, Int(packets))
    }
    let counters = Dictionary(pairs) { first, _ in first }
    guard LeakCounters.names.allSatisfy({ counters[$0] != nil }) else {
      throw LabError("reading the leak counters", "nft lists \(counters.keys.sorted()) only")
    }
    return counters
  }
}

extension Lab {
  public func leaks() throws -> LeakCount { try LeakCounters(internet: namespace(.internet)).read() }
  public func resetLeaks() throws { try LeakCounters(internet: namespace(.internet)).reset() }
  /// Packets that reached the Internet under that cloud server's public address.
  public func packetsPublished(by cloud: Node) throws -> Int {
    try LeakCounters(internet: namespace(.internet)).published(by: cloud)
  }
}
