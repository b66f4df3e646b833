import Glibc

// Who else puts routes and rules back, as Debian has them.

extension Lab {
  private static let packages = ".build/packages"

  /// keepalived, with the plan's rule and routes as its own: `static_rules` and `static_routes`, then those of a VRRP
  /// instance that is master.
  func measureKeepalived(rounds: Int) throws -> [BenchRow] {
    guard let program = try unpackKeepalived() else {
      return [
        BenchRow(
          "keepalived", .seconds, .none("not measured: no package in \(Lab.packages); make setup fetches it"))
      ]
    }
    let device = try zeroTier(.gateway).device
    let kinds: [(String, String, Int, Duration)] = [
      ("keepalived (static)", keepalivedObjects("static", device), 1, .seconds(2)),
      (
        "keepalived (VRRP)",
        """
        vrrp_instance one {
          state MASTER
          interface \(device)
          virtual_router_id 51
          priority 200
          version 3
          advert_int 0.1
          virtual_ipaddress { 10.147.17.77/32 }
          \(keepalivedObjects("virtual", device))
        }
        """, rounds, .seconds(2)
      ),
    ]
    return try kinds.flatMap { name, objects, rounds, patience in
      try flushRecipe()
      let keepalived = try startKeepalived(program, "global_defs { router_id bench }\n\(objects)\n")
      // Its child takes the rules away when it ends, and nobody waits for an orphan.
      defer { keepalived.terminate() }
      return try measurePeer(name, rounds: rounds, patience: patience) { [self] in
        try putBackRecipe(protocol: "keepalived")
      }
    }
  }

  private func keepalivedObjects(_ kind: String, _ device: String) -> String {
    """
    \(kind)_routes {
      throw 10.0.0.0/8 table 100
      default via \(Node.cloudA.tunnelAddress ?? "") dev \(device) table 100
    }
    \(kind)_rules {
      from \(Address.egress) table 100 priority 100
    }
    """
  }

  /// Its directory of programs and libraries, without installing anything; nil without the packages.
  private func unpackKeepalived() throws -> String? {
    let files = names(in: Lab.packages).filter { $0.hasSuffix(".deb") }
    guard files.contains(where: { $0.hasPrefix("keepalived_") }) else { return nil }
    // With all libraries that came along: which of its own those are depends on what this machine had before.
    let wanted = ["keepalived_", "lib"]
    let root = "\(directory)/keepalived"
    try makeDirectory(root)
    for file in files where wanted.contains(where: file.hasPrefix) {
      try Command(["dpkg-deb", "-x", "\(Lab.packages)/\(file)", root]).output()
    }
    return root
  }

  private func startKeepalived(_ root: String, _ configuration: String) throws -> ChildProcess {
    try writeFile("\(root)/conf", configuration, creating: .mode(0o600))
    let log = Descriptor(open("\(root)/log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600))
    let nothing = Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC))
    guard log.number >= 0, nothing.number >= 0 else { throw LabError("opening \(root)/log", errno: errno) }
    let command = try namespace(.gateway).execute([
      "\(root)/usr/sbin/keepalived", "--dont-fork", "--log-console", "--log-detail", "--vrrp",
      "--use-file=\(root)/conf", "--pid=\(root)/pid", "--vrrp_pid=\(root)/vrrp-pid",
    ])
    let libraries = ["usr/lib", "lib"].map { "\(root)/\($0)/x86_64-linux-gnu" }.joined(separator: ":")
    let process = try ChildProcess(
      command.arguments, environment: ["LD_LIBRARY_PATH": libraries],
      streams: .init(input: nothing.number, output: log.number, error: log.number), group: .own)
    let isThere = try eventually(within: .seconds(10), step: .milliseconds(50)) {
      try namespace(.gateway).ip("rule show priority 100").isEmpty ? nil : true
    }
    guard isThere == true else {
      process.end()
      throw LabError("starting keepalived", "no rule after 10 s: \(try readFile("\(root)/log"))")
    }
    return process
  }

  // MARK: systemd-networkd

  /// systemd-networkd with the same as a network's own `[RoutingPolicyRule]` and `[Route]`: by itself, and told to
  /// configure the link anew.
  func measureNetworkd(rounds: Int) throws -> [BenchRow] {
    try flushRecipe()
    var setup = Container.Setup()
    setup.files = [ContainerFile("/etc/systemd/network/uplink.network", networkdUplink)]
    setup.enabled = ["systemd-networkd.service"]
    let machine = try Container(on: .gateway, in: self, setup)
    try machine.boot()
    let isThere = try eventually(within: .seconds(10), step: .milliseconds(50)) {
      try namespace(.gateway).ip("rule show priority 100").isEmpty ? nil : true
    }
    guard isThere == true else { throw LabError("starting systemd-networkd", "no rule after 10 s") }
    let alone = try measurePeer("systemd-networkd", rounds: 1, patience: .seconds(2)) { [self] in
      try putBackRecipe(protocol: "static")
    }
    let reconfigure = try machine.execute(["networkctl", "reconfigure", "uplink0"])
    let state = try machine.execute(["networkctl", "--no-legend", "list", "uplink0"])
    var times: [Duration] = []
    for _ in 0..<rounds {
      // Told a second time, it takes the rule away instead.
      try machine.run("systemctl reset-failed systemd-networkd.service")
      try machine.run("systemctl restart systemd-networkd")
      let isConfigured = try eventually(within: .seconds(20), step: .milliseconds(50)) {
        let state = try state.output().split { $0.isWhitespace }
        let rule = try namespace(.gateway).ip("rule show priority 100")
        return state.last == "configured" && !rule.isEmpty ? true : nil
      }
      guard isConfigured == true else {
        throw LabError("restarting systemd-networkd", "uplink0 not configured after 20 s")
      }
      try namespace(.gateway).ip("rule del priority 100")
      let start = Moment.now
      try reconfigure.output()
      let back = try eventually(within: .seconds(15), step: .milliseconds(1)) {
        try namespace(.gateway).ip("rule show priority 100").isEmpty ? nil : true
      }
      guard back == true else { throw LabError("timing networkctl reconfigure", "no rule after 15 s") }
      times.append(Moment.now - start)
    }
    return alone + [BenchRow("rule deleted, systemd-networkd told to reconfigure", times)]
  }

  private var networkdUplink: String {
    """
    [Match]
    Name=uplink0
    [Network]
    Address=\(Address.uplink)/24
    Gateway=\(Address.uplinkRouter)
    [Route]
    Destination=10.0.0.0/8
    Type=throw
    Table=100
    [Route]
    Gateway=\(Address.uplinkRouter)
    Table=100
    [RoutingPolicyRule]
    From=\(Address.egress)/32
    Table=100
    Priority=100

    """
  }

  // MARK: The recipe's objects

  /// Nobody's are left.
  private func flushRecipe() throws {
    let gateway = try namespace(.gateway)
    let delete = gateway.execute(["ip", "rule", "del", "priority", "100"])
    let isGone = try eventually(within: .seconds(5), step: .zero) {
      if try gateway.ip("rule show priority 100").isEmpty { return true }
      // One that goes by itself meanwhile is as good.
      _ = try delete.run()
      return nil
    }
    guard isGone == true else { throw LabError("deleting rule 100", "still there after 5 s") }
    _ = try gateway.execute(["ip", "route", "flush", "table", "100"]).run()
  }

  /// As that peer made them, so that the next fault finds them.
  private func putBackRecipe(protocol name: String) throws {
    let gateway = try namespace(.gateway)
    let number = name == "keepalived" ? "18" : "4"
    if try gateway.ip("rule show priority 100").isEmpty {
      try gateway.ip("rule add from \(Address.egress) table 100 priority 100 protocol \(number)")
    }
  }
}
