import CLinux
import Glibc

/// Why the kernel did not do what it was asked, or did not say.
public struct KernelError: Error, Hashable, Sendable {
  /// What was tried, on which object: `adding rule priority 150 from 10.147.17.1 lookup 100`.
  public let attempt: String
  public let cause: Cause

  public enum Cause: Hashable, Sendable {
    /// The kernel's number and, where it gave one, its own words (NLMSGERR_ATTR_MSG).
    case refused(Errno, String?)
    /// A system call failed.
    case system(call: String, Errno)
    /// No answer in time, or answers were lost: the change may have been made all the same.
    case unanswered(String)
    /// Still interrupted by changes after so many tries.
    case interrupted(tries: Int)
    /// A message that is not as the kernel's headers say.
    case malformed(String)
  }

  /// An errno(3) number.
  public struct Errno: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
    public static var last: Errno { Errno(rawValue: Glibc.errno) }

    /// `operation not permitted (EPERM)`
    public var description: String {
      var text = String(cString: strerror(rawValue))
      if let first = text.first { text = first.lowercased() + text.dropFirst() }
      return "\(text) (\(clinux_errno_name(rawValue).map { String(cString: $0) } ?? "errno \(rawValue)"))"
    }
  }

  public init(_ attempt: String, _ cause: Cause) {
    self.attempt = attempt
    self.cause = cause
  }

  /// The kernel's number, if it gave one.
  public var errno: Int32? {
    switch cause {
    case .refused(let number, _), .system(_, let number): number.rawValue
    case .unanswered, .interrupted, .malformed: nil
    }
  }

  /// This host has no descriptors or memory left for it.
  public var isShortage: Bool {
    switch errno {
    case EMFILE, ENFILE, ENOMEM, ENOBUFS: true
    default: false
    }
  }
}

extension KernelError: CustomStringConvertible {
  public var description: String {
    switch cause {
    case .refused(let number, let words):
      "\(attempt): \(number)\(words.map { ": \($0)" } ?? "")\(remedy(number.rawValue))"
    case .system(let call, let number): "\(attempt): \(call): \(number)\(remedy(number.rawValue))"
    case .unanswered(let what): "\(attempt): \(what); the kernel's state is read again"
    case .interrupted(let tries):
      "\(attempt): the state changed during each of \(tries) readings; something on this host rewrites it"
    case .malformed(let what): "\(attempt): the kernel's answer cannot be read: \(what)"
    }
  }

  private func remedy(_ number: Int32) -> String {
    switch number {
    case EPERM, EACCES: "; give the process CAP_NET_ADMIN"
    case EPROTONOSUPPORT, EAFNOSUPPORT:
      "; this kernel lacks the feature (CONFIG_NF_TABLES, CONFIG_IP_MULTIPLE_TABLES)"
    case EOPNOTSUPP: "; this kernel lacks the feature"
    case EMFILE, ENFILE: "; raise the limit of open files (LimitNOFILE=)"
    case ENOBUFS, ENOMEM: "; the kernel is short of memory or the socket's buffer is too small"
    default: ""
    }
  }
}
