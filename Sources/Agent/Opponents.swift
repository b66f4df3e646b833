import Glibc
import Report

/// Who undid the agent's work, as far as the kernel tells: events carry the netlink port of the socket that made the
/// change, and a process's first socket has the process's number for its port (netlink(7)).
struct Opponents {
  /// The last ones, latest first.
  private(set) var names: [String] = []
  private static let most = 3

  /// - Parameter ports: 0 is the kernel itself.
  /// - Returns: those of this time.
  @discardableResult mutating func note(_ ports: Set<UInt32>) -> [String] {
    let present = ports.sorted().filter { $0 != 0 }.map(Self.name)
    for name in present {
      names.removeAll { $0 == name }
      names.insert(name, at: 0)
    }
    names = Array(names.prefix(Self.most))
    return present
  }

  /// The process's name alone, if it still runs: commands such as ip are another process each time.
  private static func name(_ port: UInt32) -> String {
    let command = ProcessStatistics.command(of: port)
    // systemd itself opens systemd-networkd's socket (ListenNetlink= in systemd-networkd.socket). Without that unit the
    // port is networkd's own, of whose name the kernel keeps fifteen octets.
    if port == 1 && command == "systemd" || command == networkdCommand { return networkd }
    return command.isEmpty ? "a process that has ended" : terminalSafe(command)
  }

  static let networkd = "systemd-networkd"
  private static let networkdCommand = networkd.prefix(15)
}
