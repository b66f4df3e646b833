import CLinux
import Doctor
import EventLoop
import Glibc
import Model
import Report

/// What files and processes of the host say.
enum HostFiles {
  static func survey(_ host: inout HostObservations) {
    host.unit = guardUnit
    host.parameters = parameters
    host.isClockSynchronised = clock
    let programs = ProcessList.inThisNetwork
    if programs.contains(where: { Opponents.networkd.hasPrefix($0) && $0.count == 15 }) {
      host.networkd = NetworkdSettings(ManagerFiles().networkd)
    }
    if programs.contains("NetworkManager") {
      host.networkManager = NetworkManagerReading(
        leavesTunnelsAlone: ManagerFiles().leaveTunnelsToOthers)
    }
    host.firewallManagers = ["dockerd", "firewalld"].filter(programs.contains)
  }

  private static var clock: Reading<Bool> {
    let answer = clinux_clock_is_synchronised()
    return answer < 0 ? .unknown("adjtimex: \(SystemError.last)") : .known(answer == 1)
  }

  // MARK: systemd

  private static var guardUnit: Reading<UnitReading> {
    guard HostFile.exists("/run/systemd/system") else { return .unknown("systemd does not run here") }
    let name = Services.guardUnit
    let isEnabled = entries(of: "/etc/systemd/system").contains { directory in
      (directory.hasSuffix(".wants") || directory.hasSuffix(".requires"))
        && isLink("/etc/systemd/system/\(directory)/\(name)")
    }
    return .known(UnitReading(name: name, isInstalled: OldUnit.find(name) != nil, isEnabled: isEnabled))
  }

  private static func isLink(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  // MARK: Parameters

  private static var parameters: ParameterReading {
    var reading = ParameterReading()
    reading.forwarding = number("/proc/sys/net/ipv4/ip_forward")
    reading.conntrackCount = number("/proc/sys/net/netfilter/nf_conntrack_count")
    reading.conntrackLimit = number("/proc/sys/net/netfilter/nf_conntrack_max")
    for name in entries(of: "/proc/sys/net/ipv4/conf") {
      reading.linkForwarding[name] = number("/proc/sys/net/ipv4/conf/\(name)/forwarding")
      reading.reversePath[name] = number("/proc/sys/net/ipv4/conf/\(name)/rp_filter")
    }
    return reading
  }

  private static func number(_ path: String) -> Int? {
    Int(ProcessStatistics.text(of: path).prefix { $0 != "\n" })
  }

  /// Without those that begin with a dot; empty where there is no such directory.
  static func entries(of path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }
}

/// Programs that run in this network namespace, by the fifteen octets of their names that the kernel keeps.
enum ProcessList {
  static var inThisNetwork: Set<String> {
    guard let own = network(of: "self") else { return [] }
    let processes = HostFiles.entries(of: "/proc").filter { $0.first?.isNumber ?? false }
    return Set(
      processes.filter { network(of: $0) == own }.map { ProcessStatistics.command(of: $0) })
  }

  private static func network(of process: String) -> ino_t? {
    var status = stat()
    return stat("/proc/\(process)/ns/net", &status) == 0 ? status.st_ino : nil
  }
}
