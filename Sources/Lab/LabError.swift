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
    self.init(attempt, "\(String(cString: strerror(code))) (\(errnoName(code)))")
  }
}

/// `EPERM`
public func errnoName(_ code: Int32) -> String {
  clinux_errno_name(code).map { String(cString: $0) } ?? "errno \(code)"
}
