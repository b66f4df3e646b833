import Glibc

/// What a machine needs to have for a lab, checked first so that its lack is told with its remedy.
enum Requirements {
  static func check() throws(LabError) {
    guard geteuid() == 0 else {
      throw LabError("opening a lab", "network namespaces need root; run it with sudo")
    }
    guard access("/dev/net/tun", R_OK | W_OK) == 0 else {
      throw LabError(
        "opening a lab", "/dev/net/tun cannot be used; load the module tun, or give the container the device")
    }
    for (tool, package) in [("ip", "iproute2"), ("nft", "nftables")] {
      let found = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"].contains {
        access("\($0)/\(tool)", X_OK) == 0
      }
      guard found else { throw LabError("opening a lab", "\(tool) is missing; apt-get install \(package)") }
    }
  }

  /// For containers.
  static func checkContainers() throws(LabError) {
    guard access("/usr/bin/systemd-nspawn", X_OK) == 0 else {
      throw LabError("making a container", "systemd-nspawn is missing; apt-get install systemd-container")
    }
  }
}
