import Glibc

/// A wall clock of its own for a program, which can be set while it runs: libfaketime answers in the kernel's place
/// when the program asks for CLOCK_REALTIME. All other clocks are the kernel's own.
public final class SetClock: Sendable {
  private let path: String
  private let library: String

  /// In the lab's directory, and at first the kernel's own time.
  public init(in lab: Lab) throws {
    path = "\(lab.directory)/clock"
    library = try SetClock.library()
    try set(.ahead(.zero))
  }

  public enum Setting: Sendable {
    /// Of the kernel's; behind it, if negative.
    case ahead(Duration)
    /// From now on, in UTC: `2099-01-01 00:00:00`.
    case at(String)
  }

  /// What a program has to be started with.
  public var environment: [String: String] {
    [
      "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": path, "FAKETIME_NO_CACHE": "1",
      "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "UTC",
    ]
  }

  /// All programs that have it see it at once.
  public func set(_ setting: Setting) throws {
    let text =
      switch setting {
      case .ahead(let time): "\(time < .zero ? "" : "+")\(time.wholeSeconds)"
      case .at(let time): "@\(time)"
      }
    try writeFile("\(path).new", "\(text)\n", creating: .mode(0o644))
    guard rename("\(path).new", path) == 0 else { throw LabError("setting the clock", errno: errno) }
  }

  /// Where Debian's package libfaketime has it, whatever the architecture.
  private static func library() throws -> String {
    let listing = try Command(["dpkg", "-L", "libfaketime"]).output()
    let found = listing.split(separator: "\n").first { $0.hasSuffix("/libfaketime.so.1") }
    guard let found else { throw LabError("finding libfaketime.so.1", "install the package faketime") }
    return String(found)
  }
}
