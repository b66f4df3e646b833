import Adoption
import Configuration
import Glibc

/// One of the recipe's systemd units on this host.
///
/// Its ExecStop= would empty the routing table that is the agent's by then, or take the iptables entries twice. A
/// drop-in takes that away, and its start as long as there is a configuration of the agent's: the unit and its
/// environment file stay as they are, for a roll-back.
struct OldUnit {
  let name: String
  let path: String

  /// Where units lie, the first counts (systemd.unit(5)).
  static let directories = [
    "/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient",
    "/etc/systemd/system",
    "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
  ]

  /// nil when the host has no unit of that name.
  init?(_ name: String) {
    guard let path = Self.find(name) else { return nil }
    self.name = name
    self.path = path
  }

  /// The file of an installed unit.
  static func find(_ name: String) -> String? {
    directories.lazy.map { "\($0)/\(name)" }.first(where: HostFile.exists)
  }

  private var dropInDirectory: String { "/etc/systemd/system/\(name).d" }
  var dropIn: String { "\(dropInDirectory)/50-liteboxd-adopt.conf" }

  private func dropInText(_ configuration: String) -> String {
    """
    # Made by "liteboxd-agent adopt --yes": liteboxd-agent holds what this unit set up. Remove this file to go back.
    [Unit]
    ConditionPathExists=!\(configuration.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%%"))
    [Service]
    ExecStop=
    ExecStopPost=

    """
  }

  /// Whether it was taken over: with systemd, only once it is out of its targets too.
  func isRetired() throws -> Bool {
    guard HostFile.exists(dropIn) else { return false }
    guard let systemd = Systemd() else { return true }
    return try !systemd.isEnabled(name) && !systemd.isActive(name)
  }

  /// What the recipe's environment file says. It may be elsewhere in an edited unit.
  func environment() throws -> (path: String, values: [String: String]) {
    let unit = String(decoding: try HostFile.read(path) ?? [], as: UTF8.self)
    let key = "EnvironmentFile="
    let named = unit.split(whereSeparator: \.isNewline).filter { $0.hasPrefix(key) }.last.map { line in
      String(line.dropFirst(key.count).drop { $0 == "-" || $0 == " " })
    }
    let path = named ?? "/etc/default/\(name.split(separator: ".").first ?? "")"
    return (path, EnvironmentFile(parsing: try HostFile.read(path) ?? []).values)
  }

  /// Takes its ExecStop= away, out of every target, and stops it.
  func retire(configuration: String, _ systemd: Systemd?) throws {
    try WholeFile.makeDirectory(dropInDirectory, mode: 0o755)
    try WholeFile.replace(
      dropIn, via: "\(dropInDirectory)/.new", with: Array(dropInText(configuration).utf8), mode: 0o644)
    guard let systemd else { return }
    try systemd.reload()
    // Before it is stopped: what systemd has read, not what lies in the file, is what would run.
    let commands = try systemd.property("ExecStop", of: name) + systemd.property("ExecStopPost", of: name)
    guard commands.isEmpty else {
      throw HostFile.Failure(
        "retiring", name, "systemd still has an ExecStop=: \(commands); empty it, then go on")
    }
    try systemd.control(["disable", "--now", name])
  }
}
