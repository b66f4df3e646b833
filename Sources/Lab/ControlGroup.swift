import Glibc

/// Control groups for a container alone: without, systemd-nspawn would put all containers of a process into the same
/// one, and their systemds would end each other's processes.
struct ControlGroup {
  private let directories: [String]

  init(named name: String) throws(LabError) {
    directories = try Self.own().map { "\($0)/\(name)" }
    for directory in directories where access(directory, F_OK) != 0 { try makeDirectory(directory) }
  }

  /// Those that this process is in: systemd uses the unified hierarchy, its own named one, or both (cgroups(7)).
  private static func own() throws(LabError) -> [String] {
    let own = try readFile("/proc/self/cgroup").split(separator: "\n").map {
      $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    }
    let mounts = try readFile("/proc/self/mounts").split(separator: "\n").map { $0.split(separator: " ") }
    return own.compactMap { line in
      guard line.count == 3, line[1].isEmpty || line[1] == "name=systemd" else { return nil }
      let mount = mounts.first { mount in
        line[1].isEmpty
          ? mount[2] == "cgroup2"
          : mount[2] == "cgroup" && mount[3].split(separator: ",").contains("name=systemd")
      }
      return mount.map { "\($0[1])\(line[2] == "/" ? "" : line[2])" }
    }
  }

  /// Turns a command into one that runs in these groups.
  func entering(_ arguments: [String]) -> [String] {
    let moves = directories.map { "echo 0 > '\($0)/cgroup.procs'; " }.joined()
    return ["sh", "-euc", moves + "exec \"$@\"", "sh"] + arguments
  }

  /// Once the last process is out. What stays is empty, and harms nobody.
  func remove() {
    for directory in directories { ControlGroup.remove(directory) }
  }

  private static func remove(_ directory: String) {
    var status = stat()
    for name in names(in: directory) {
      let path = "\(directory)/\(name)"
      if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { remove(path) }
    }
    rmdir(directory)
  }

  /// Removes those that containers left behind whose process is gone.
  static func sweep(where isLeft: (String) -> Bool) {
    guard let parents = try? own() else { return }
    for parent in parents {
      for name in names(in: parent) where isLeft(name) { remove("\(parent)/\(name)") }
    }
  }
}
