import Glibc

extension Lab {
  /// Section C.3 of the plan on the first cloud server: its three rules, by Debian's iptables, which is unpacked for this
  /// and not installed.
  ///
  /// - Parameter sources: the network that the recipe calls ZT_SUBNET.
  func followRecipeByIptables(sources: String) throws {
    let cloud = try namespace(.cloudA)
    try cloud.setSysctls(["net.ipv4.ip_forward": "1"])
    let place = "\(directory)/iptables"
    try unpackIptables(into: place)
    let rules = [
      "-t nat -A POSTROUTING -s \(sources) -o eth0 -j MASQUERADE", "-A FORWARD -i zt+ -o eth0 -j ACCEPT",
      "-A FORWARD -i eth0 -o zt+ -m state --state RELATED,ESTABLISHED -j ACCEPT",
    ]
    for rule in rules {
      let extensions = "XTABLES_LIBDIR=\(place)/usr/lib/\(try machineName())-linux-gnu/xtables"
      let command = ["env", extensions, "\(place)/usr/sbin/xtables-nft-multi", "iptables"]
      try cloud.execute(command + rule.split(separator: " ").map(String.init)).output()
    }
  }

  /// What `make setup` keeps beside the build.
  private func unpackIptables(into place: String) throws {
    let program = try Lab.program("liteboxd-lab", environment: "LITEBOXD_LAB")
    let directory = program.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/../../packages"
    guard let package = names(in: directory).first(where: { $0.hasPrefix("iptables_") }) else {
      throw LabError("unpacking iptables", "there is no package of it in \(directory); run make setup")
    }
    try Command(["dpkg-deb", "--extract", "\(directory)/\(package)", place]).output()
  }

  private func machineName() throws -> String {
    try Command(["uname", "-m"]).output().filter { !$0.isWhitespace }
  }
}
