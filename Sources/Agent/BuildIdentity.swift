import CLinux
import Report

extension BuildIdentity {
  /// This binary.
  static let current = BuildIdentity(version: "0.1.0", commit: String(cString: clinux_build_commit()))
}
