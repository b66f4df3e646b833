import JSON

/// A place on the way where packets have to be smaller than the client's link allows.
public enum NarrowPlace: String, CaseIterable, Sendable {
  /// Both ends of the simulated ZeroTier's network.
  case tunnel
  /// The first cloud server's way to the Internet, on its own end.
  case wan
}

extension Lab {
  /// Octets, below the 1500 of all other links.
  public static let narrowMTU = 1300

  /// Makes that place narrow and drops the errors that would tell senders so (RFC 1191), on their way out of gateway
  /// and cloud server. Senders do not find out by themselves either.
  public func narrow(_ place: NarrowPlace) throws {
    for node in [Node.pod, .internet] {
      try namespace(node).setSysctls(["net.ipv4.tcp_mtu_probing": "0"])
    }
    for node in [Node.gateway, .cloudA] {
      try namespace(node).nft(
        ruleset: """
          table ip silence {
            counter errors { }
            chain leaving {
              type filter hook output priority 0;
              icmp type destination-unreachable icmp code frag-needed counter name errors drop
            }
          }
          """)
      guard place == .tunnel else { continue }
      try namespace(node).ip("link set \(zeroTier(node).device) mtu \(Lab.narrowMTU)")
    }
    if place == .wan { try namespace(.cloudA).ip("link set eth0 mtu \(Lab.narrowMTU)") }
  }

  /// Errors about packets that were too long and that nobody got.
  public func silencedErrors() throws -> Int {
    var total = 0
    for node in [Node.gateway, .cloudA] {
      let text = try namespace(node).nft("-j", "list", "counter", "ip", "silence", "errors")
      let entries = try JSONValue(parsing: text.utf8)["nftables"]?.array ?? []
      total += Int(entries.lazy.compactMap { $0["counter"]?["packets"]?.integer }.first ?? 0)
    }
    return total
  }
}
