extension Lab {
  /// Puts a pair of virtual Ethernet links in the place of the simulated tunnel between the gateway and the first cloud
  /// server, with its names and addresses: for measuring what the machines take, not the simulation. ZeroTier's API goes
  /// on as before.
  func replaceTunnelByLink() throws {
    let (gateway, cloud) = (try zeroTier(.gateway), try zeroTier(.cloudA))
    try gateway.tell(.linkDelete)
    try cloud.tell(.linkDelete)
    let there = try namespace(.cloudA)
    try namespace(.gateway).ip(batch: [
      "link add \(gateway.device) type veth peer name \(cloud.device) netns \(there)",
      "addr add \(Address.egress)/24 brd + dev \(gateway.device)",
      "link set \(gateway.device) up",
    ])
    try there.ip(batch: [
      "addr add \(Node.cloudA.tunnelAddress ?? "")/24 brd + dev \(cloud.device)",
      "link set \(cloud.device) up",
    ])
    // What counts and rewrites in the lab takes its time of every packet.
    try namespace(.gateway).nft("delete", "table", "ip", "cilium_stand_in")
    try namespace(.internet).nft("delete", "table", "inet", "lab")
  }
}
