import Lab

extension NetworkNamespace {
  /// All that somebody else could miss on this host, as text.
  func hostListing() throws -> String {
    let listings = [
      "ip rule show", "ip -6 rule show", "ip -4 route show table all", "ip -6 route show table all",
      "ip -d link show", "ip address show", "nft list ruleset",
      "sysctl -ar net.ipv[46].(ip_forward|conf.*rp_filter|conf.*forwarding|conf.*accept_local)",
    ]
    return try listings.map { line in
      // A table that is empty may be missing, which `ip` says with its exit status.
      withoutGateways(try execute(line.split(separator: " ").map(String.init)).run().stdout)
    }.joined(separator: "\n")
  }
}

extension NetworkNamespace {
  /// `ip rule show` of each family. Rules of one priority, which the kernel orders by age, are sorted: the agent's do
  /// not depend on their order.
  func ruleListings() throws -> [String] {
    try ["-4", "-6"].map { family in
      try execute(["ip", family, "rule", "show"]).output().split(separator: "\n").sorted().joined(
        separator: "\n")
    }
  }
}
