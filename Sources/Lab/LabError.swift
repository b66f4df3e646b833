import CLinux
import Glibc

/// Why the lab could not do something: what was tried, on what, and what came of it.
public struct LabError: Error, Hashable, CustomStringConvertible {
  public let description: String

  public init(_ attempt: String, _ reason: String) {
    description = "\(attempt): \(reason)"
  }

  /// `code` is errno as it stood right after the call.
  public init(_ attempt: String, errno code: Int32) {
    let name = clinux_errno_name(code).map { String(cString: $0) } ?? "errno \(code)"
    self.init(attempt, "\(String(cString: strerror(code))) (\(name))")
  }
}
