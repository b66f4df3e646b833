/// systemd as it runs on this host, asked by systemctl(1).
struct Systemd {
  private let program: ExternalProgram

  /// nil where systemd is not the one that booted this host (sd_booted(3)), or has no systemctl.
  init?() {
    guard HostFile.exists("/run/systemd/system"), let program = ExternalProgram(named: "systemctl") else {
      return nil
    }
    self.program = program
  }

  /// - Parameter limit: a start job waits until the unit is up.
  func control(_ arguments: [String], within limit: Duration = .seconds(30)) throws {
    try program.run(["--no-ask-password", "--quiet"] + arguments, within: limit)
  }

  func reload() throws { try control(["daemon-reload"]) }

  func property(_ name: String, of unit: String) throws -> String {
    String(try program.run(["show", "--property=\(name)", "--value", unit]).filter { !$0.isNewline })
  }

  func isActive(_ unit: String) throws -> Bool { try property("ActiveState", of: unit) == "active" }
  func isEnabled(_ unit: String) throws -> Bool {
    // An alias of a target, or of one that systemd makes at run time, counts too.
    try ["enabled", "enabled-runtime", "linked", "linked-runtime"].contains(
      property("UnitFileState", of: unit))
  }
}
