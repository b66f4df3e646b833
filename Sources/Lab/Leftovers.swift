import Glibc

/// What labs left behind whose process was killed before it could clean up.
enum Leftovers {
  /// Removes the namespaces and directories of labs whose process is gone, and ends what still runs in them.
  static func sweep() {
    for name in names(in: "/run/netns") where ownerIsGone(name) {
      let pids = (try? Command(["ip", "netns", "pids", name]).output()) ?? ""
      for pid in pids.split(whereSeparator: \.isWhitespace).compactMap({ pid_t($0) }) { kill(pid, SIGKILL) }
      _ = try? NetworkNamespace(name: name).delete()
    }
    // A container's processes and mounts went with the process that made it.
    ControlGroup.sweep(where: ownerIsGone)
    for name in names(in: "/tmp") where ownerIsGone(name) { removeTree("/tmp/\(name)") }
  }

  /// Whether a lab made this name and its process no longer exists.
  private static func ownerIsGone(_ name: String) -> Bool {
    guard name.hasPrefix("lb"), let end = name.firstIndex(of: "x"),
      let pid = pid_t(name[name.index(name.startIndex, offsetBy: 2)..<end]),
      name[name.index(after: end)...].first?.isNumber == true
    else { return false }
    return kill(pid, 0) == -1 && errno == ESRCH
  }
}

extension Lab {
  /// Removes what labs left behind whose process was killed. Every process does so before its first lab.
  public static func removeLeftovers() { Leftovers.sweep() }
}
