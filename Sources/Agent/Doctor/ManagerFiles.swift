import Report

/// The configuration of programs that manage links, rules and routes, as far as it matters here.
struct ManagerFiles {
  /// Stands before every path; empty for the host's own.
  var root = ""

  /// The texts of networkd.conf and its drop-ins, in the order in which systemd reads them: the main file, of which the
  /// first directory's counts, then drop-ins by name, of each name again the first directory's (systemd.unit(5)).
  var networkd: [String] {
    let places = ["/etc", "/run", "/usr/local/lib", "/usr/lib"].map { "\(root)\($0)/systemd/networkd.conf" }
    let main = places.first(where: HostFile.exists).map { [$0] } ?? []
    return texts(of: main + dropIns(places.map { "\($0).d" }))
  }

  /// NetworkManager is told that links named zt… are not its own (NetworkManager.conf(5)).
  var leaveTunnelsToOthers: Bool {
    let places = ["/etc", "/run", "/usr/lib"].map { "\(root)\($0)/NetworkManager/conf.d" }
    let files = ["\(root)/etc/NetworkManager/NetworkManager.conf"] + dropIns(places)
    return texts(of: files).contains { text in
      text.split(whereSeparator: \.isNewline).contains { line in
        line.hasPrefix("unmanaged-devices")
          && line.split { "=,;+ ".contains($0) }.contains("interface-name:zt*")
      }
    }
  }

  private func dropIns(_ directories: [String]) -> [String] {
    var files: [String: String] = [:]
    for directory in directories {
      for name in HostFiles.entries(of: directory) where name.hasSuffix(".conf") && files[name] == nil {
        files[name] = "\(directory)/\(name)"
      }
    }
    return files.sorted { $0.key < $1.key }.map(\.value)
  }

  private func texts(of files: [String]) -> [String] { files.map(ProcessStatistics.text) }
}
