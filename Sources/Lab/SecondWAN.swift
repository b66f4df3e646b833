import JSON

/// A second way of the first cloud server's to the Internet, with an address of its own: up, and without a default
/// route.
public enum SecondWAN {
  public static let device = "eth1"
  public static let address = "192.0.2.50"
  public static let router = "192.0.2.1"
  /// Where its packets arrive.
  static let farEnd = "cloud-a-2"
  /// What clients send. A server refuses what it knows nothing of with resets and errors under the address that was
  /// asked, which may well take the other way.
  static let flows = ["udp dport != 0", "icmp type echo-request", "tcp flags & rst == 0"]
}

extension Lab {
  public func addSecondWAN() throws {
    let (cloud, internet) = (try namespace(.cloudA), try namespace(.internet))
    try cloud.ip(batch: [
      "link add \(SecondWAN.device) type veth peer name \(SecondWAN.farEnd) netns \(internet)",
      "addr add \(SecondWAN.address)/24 dev \(SecondWAN.device)", "link set \(SecondWAN.device) up",
    ])
    try internet.ip(batch: [
      "addr add \(SecondWAN.router)/24 dev \(SecondWAN.farEnd)", "link set \(SecondWAN.farEnd) up",
    ])
    let strays = [
      (SecondWAN.farEnd, Node.cloudA.publicAddress ?? ""), (Node.cloudA.rawValue, SecondWAN.address),
    ]
    .flatMap { link, source in
      SecondWAN.flows.map { "iifname \"\(link)\" ip saddr \(source) \($0) counter name strays" }
    }
    try internet.nft(
      ruleset: """
        table ip ways {
          counter strays { }
          chain arrivals {
            type filter hook prerouting priority raw;
            \(strays.joined(separator: "\n"))
          }
        }
        """)
  }

  /// Packets that left by one of the two ways with the other one's address.
  public func strayPackets() throws -> Int {
    let text = try namespace(.internet).nft("-j", "list", "counter", "ip", "ways", "strays")
    let entries = try JSONValue(parsing: text.utf8)["nftables"]?.array ?? []
    guard let packets = entries.lazy.compactMap({ $0["counter"]?["packets"]?.integer }).first else {
      throw LabError("counting stray packets", "nft lists \(text)")
    }
    return Int(packets)
  }
}
