/// Whether systemd-networkd keeps rules and routes that it did not make (networkd.conf(5)). It does not unless told.
public struct NetworkdSettings: Equatable, Sendable {
  public private(set) var keepsRules = false
  public private(set) var keepsRoutes = false

  /// - Parameter files: the texts of networkd.conf and its drop-ins; what comes later counts.
  public init(_ files: [String]) {
    for file in files { take(file) }
  }

  private mutating func take(_ file: String) {
    var section = ""
    for line in file.split(whereSeparator: \.isNewline) {
      let line = line.trimmed
      if line.hasPrefix("[") { section = line }
      let parts = line.split(separator: "=", maxSplits: 1).map(\.trimmed)
      guard section == "[Network]", parts.count == 2 else { continue }
      // systemd's own words for false (parse_boolean() of its basic/parse-util.c).
      let isKept = ["0", "no", "n", "false", "f", "off"].contains(parts[1].lowercased())
      switch parts[0] {
      case "ManageForeignRoutingPolicyRules": keepsRules = isKept
      case "ManageForeignRoutes": keepsRoutes = isKept
      default: continue
      }
    }
  }
}

extension Substring {
  /// Without blanks at either end.
  var trimmed: String {
    var rest = self.drop { $0 == " " || $0 == "\t" }
    while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
    return String(rest)
  }
}
