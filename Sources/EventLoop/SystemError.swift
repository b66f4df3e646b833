import CLinux
import Glibc

/// An errno(3) number.
public struct SystemError: RawRepresentable, Error, Hashable, Sendable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// What the last failed call of this thread left; ask at once after the call.
  public static var last: SystemError { SystemError(rawValue: errno) }

  /// This host has no descriptors or memory left for it.
  public var isShortage: Bool { [EMFILE, ENFILE, ENOMEM, ENOBUFS].contains(rawValue) }

  /// `ECONNREFUSED`; `errno 4711` for a number without a name.
  public var name: String {
    clinux_errno_name(rawValue).map { String(cString: $0) } ?? "errno \(rawValue)"
  }
}

extension SystemError: CustomStringConvertible {
  /// `connection refused (ECONNREFUSED)`
  public var description: String {
    let text = String(cString: strerror(rawValue))
    return text.prefix(1).lowercased() + text.dropFirst() + " (\(name))"
  }
}
