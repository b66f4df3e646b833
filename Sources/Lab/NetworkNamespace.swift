import Glibc

/// One of the lab's network namespaces, a machine as far as the network is concerned (`ip netns`).
public struct NetworkNamespace: Hashable, Sendable, CustomStringConvertible {
  /// As `ip netns` lists it.
  public let name: String
  public var description: String { name }

  /// `ip netns add NAME`, with its loopback up and none of the settings that the host's kernel hands on.
  static func add(named name: String) throws -> NetworkNamespace {
    try Command(["ip", "netns", "add", name]).output()
    let namespace = NetworkNamespace(name: name)
    try namespace.ip("link set lo up")
    try namespace.setSysctls([
      "net.ipv4.conf.all.rp_filter": "0", "net.ipv4.conf.default.rp_filter": "0",
      "net.ipv6.conf.all.accept_dad": "0", "net.ipv6.conf.default.accept_dad": "0",
      // The queue of the simulated tunnel's sockets; 10 would lose packets under load.
      "net.unix.max_dgram_qlen": "1024",
    ])
    return namespace
  }

  /// `ip netns delete NAME`; its links go with it once the last process is out.
  func delete() throws(LabError) { try Command(["ip", "netns", "delete", name]).output() }

  /// `ip -n NAME LINE`, words split at blanks.
  @discardableResult public func ip(_ line: String) throws(LabError) -> String {
    try Command(["ip", "-n", name] + line.split(separator: " ").map(String.init)).output()
  }

  /// Many `ip` lines at once; the first that fails ends it.
  public func ip(batch lines: [String]) throws(LabError) {
    try Command(["ip", "-n", name, "-batch", "-"], input: lines.joined(separator: "\n") + "\n").output()
  }

  /// `ip netns exec NAME nft ARGUMENTS`
  @discardableResult public func nft(_ arguments: String...) throws(LabError) -> String {
    try execute(["nft"] + arguments).output()
  }

  /// `nft -f` with the ruleset on its standard input.
  public func nft(ruleset: String) throws(LabError) {
    try execute(["nft", "-f", "-"], input: ruleset).output()
  }

  /// Any command inside. `ip netns exec` becomes the command itself, without a process between.
  public func execute(_ arguments: [String], input: String = "") -> Command {
    Command(["ip", "netns", "exec", name] + arguments, input: input)
  }

  /// Writes below /proc/sys, where the kernel shows each thread its own namespace. Keys as for sysctl(8); a
  /// dot in an interface's name is written as a slash there.
  public func setSysctls(_ values: [String: String]) throws {
    try inside {
      for (key, value) in values {
        try writeFile("/proc/sys/\(sysctlPath(key))", value, creating: .no)
      }
    }
  }

  /// Reads one value, without the newline.
  public func sysctl(_ key: String) throws -> String {
    try inside { try readFile("/proc/sys/\(sysctlPath(key))").filter { $0 != "\n" } }
  }
}

private func sysctlPath(_ key: String) -> String {
  String(key.map { $0 == "." ? "/" : $0 == "/" ? "." : $0 })
}
