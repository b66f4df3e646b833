// What becomes of a cloud server as the gateway sees it, in the words of an outage.

extension Lab {
  /// Between the gateway and that cloud server all frames are dropped in silence: both links stay up, and both APIs
  /// go on saying OK. What the other cloud servers get passes. A restart of the gateway's ZeroTier ends it.
  public func cut(_ cloud: Node) throws { try zeroTier(.gateway).tell(.dropFrames(of: cloud)) }

  public func heal(_ cloud: Node) throws { try zeroTier(.gateway).tell(.healFrames(of: cloud)) }

  /// What comes from that cloud server takes so many milliseconds more, each frame its own time.
  public func delay(_ cloud: Node, byMilliseconds range: ClosedRange<Int>) throws {
    try zeroTier(.gateway).tell(.delayFrames(of: cloud, by: range))
  }

  /// The cloud server's own uplink carries nothing any more, in silence and with its link up; its ZeroTier goes on
  /// answering. Leaks are still counted, ahead of that.
  public func cutWAN(of cloud: Node) throws {
    try namespace(.internet).nft(
      ruleset: """
        table inet \(wanCut(cloud)) {
          chain arrivals {
            type filter hook prerouting priority -290; policy accept;
            iifname "\(cloud)" drop
          }
          chain departures {
            type filter hook postrouting priority 200; policy accept;
            oifname "\(cloud)" drop
          }
        }
        """)
  }

  public func healWAN(of cloud: Node) throws {
    try namespace(.internet).nft("delete", "table", "inet", wanCut(cloud))
  }

  /// Of this table, in the Internet's namespace; a hyphen is none of nftables' letters.
  private func wanCut(_ cloud: Node) -> String { "cut_" + cloud.rawValue.replacing("-", with: "_") }
}
