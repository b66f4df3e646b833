import Foundation
import JSON
import Lab
import Testing

/// A gateway with a systemd of its own and nothing of the agent's, between a sandbox and a cloud server whose agent runs.
final class Machine {
  let lab: Lab
  let container: Container
  let agent: AgentUnit
  private let directory = URL(fileURLWithPath: "/tmp/liteboxd-\(UUID().uuidString)")

  /// - Parameter units: that it has besides, and that are started by hand.
  init(units: [String] = []) throws {
    lab = try Lab()
    do {
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
      var setup = try Container.Setup.host(of: .gateway, in: lab)
      let package = try BuiltPackage.get()
      setup.directories[package.directory.path] = "/mnt/package"
      setup.directories[directory.path] = "/mnt/versions"
      // A build machine may forbid all starts of services, and may have run an agent.
      setup.preparations = [
        ["rm", "-rf", "/usr/sbin/policy-rc.d", "/var/lib/liteboxd", "/etc/liteboxd"],
        ["mkdir", "-p", "/mnt/package", "/mnt/versions"],
      ]
      setup.files = units.map {
        ContainerFile("/etc/systemd/system/\($0).service", "[Service]\nExecStart=sleep infinity\n")
      }
      container = try Container(on: .gateway, in: lab, setup)
      agent = AgentUnit(in: container)
      try lab.startAgent(on: .cloudA)
      try container.boot()
    } catch {
      lab.close()
      throw error
    }
  }

  deinit {
    lab.close()
    try? FileManager.default.removeItem(at: directory)
  }

  /// - Returns: what it wrote on either stream.
  @discardableResult func shell(_ line: String) throws -> String {
    let result = try container.execute(["sh", "-euc", "exec 2>&1; \(line)"], limit: .seconds(60)).run()
    try #require(result.status == .exited(0), "\(line): \(result.stdout)\(result.stderr)")
    return result.stdout
  }

  func install() throws -> String {
    let name = URL(fileURLWithPath: try BuiltPackage.get().path).lastPathComponent
    return try dpkg("--install /mnt/package/\(name)")
  }

  /// - Parameter change: a shell's words, run in the tree that will be the package.
  func install(version: String, change: String = "true") throws -> String {
    _ = try BuiltPackage.get().version(version, in: directory, change: change)
    return try dpkg("--install /mnt/versions/\(version).deb")
  }

  func dpkg(_ words: String) throws -> String {
    try shell("DEBIAN_FRONTEND=noninteractive dpkg --force-unsafe-io --force-confdef \(words) </dev/null")
  }

  /// What an administrator does after the installation; waits until traffic flows.
  func configureAndStart() throws {
    try container.write(ContainerFile("/etc/liteboxd/agent.yaml", lab.installedConfiguration(for: .gateway)))
    try shell("liteboxd-agent check && systemctl enable --now liteboxd-agent-guard liteboxd-agent")
    try agent.waitFor(phase: "ready", within: .seconds(20))
  }

  /// All of the host's network that `ip`, `nft` and `sysctl` show.
  func network() throws -> String {
    try shell(
      """
      ip -d link show; ip address show; ip rule show; ip -6 rule show; ip route show table all; ip -6 route show table all
      nft list ruleset
      sysctl -a --pattern '^net[.]' | grep -v -e conntrack_count -e stable_secret
      """)
  }

  /// What the agent has in the kernel, as text that is the same when the state is. Its owner's lines are not there.
  func held() throws -> String {
    try shell(
      """
      ip rule show proto 147; ip -6 rule show proto 147; ip route show table 100; ip route show table 101
      nft -s list table inet liteboxd | grep -v -e '^table' -e flags
      sysctl net.ipv4.ip_forward
      """)
  }

  /// Keeps a list of the host's files for `changedFiles`: those that packages bring, or keep their state in, with type,
  /// mode, owner and size; and all users. Left out is what keeps a record of all that happens: logs, caches, dpkg's own,
  /// and the copies that useradd(8) and userdel(8) make of what they change.
  func listFiles(as name: String = "before") throws {
    try shell(
      """
      { find /etc /usr /var -xdev \\( -path /var/lib/dpkg -o -path /var/log -o -path /var/cache -o -path /var/tmp \\
          -o -path '/etc/*-' -o -path /etc/.pwd.lock -o -path /var/lib/systemd/timers \\) -prune \\
          -o -type d -printf '%p %m %u:%g\\n' -o -printf '%p %y%m %u:%g %s %l\\n'
        cat /etc/passwd /etc/group /etc/shadow /etc/gshadow
        ls -d /* /run/liteboxd* 2>/dev/null || true
      } | LC_ALL=C sort >/mnt/versions/\(name)
      """)
  }

  /// What is not as it was.
  func changedFiles() throws -> String {
    try listFiles(as: "after")
    return try shell("diff /mnt/versions/before /mnt/versions/after | grep '^[<>]' || true")
  }
}

/// Lines that only one of two texts has.
func difference(_ after: String, _ before: String) -> String {
  let (new, old) = (after.components(separatedBy: "\n"), before.components(separatedBy: "\n"))
  let (added, gone) = (Set(new).subtracting(old), Set(old).subtracting(new))
  return (gone.sorted().map { "- \($0)" } + added.sorted().map { "+ \($0)" }).joined(separator: "\n")
}
