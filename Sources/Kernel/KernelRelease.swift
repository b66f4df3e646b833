import Glibc

/// A kernel's release, as uname(2) tells it: `6.1.0-18-amd64`.
public struct KernelRelease: Sendable {
  public let text: String

  public static let running: KernelRelease = {
    var name = utsname()
    uname(&name)
    return KernelRelease(
      text: withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
  }()

  public func isOlder(than version: (major: Int, minor: Int)) -> Bool {
    let numbers = text.split(whereSeparator: { !$0.isASCII || !$0.isNumber }).prefix(2).compactMap { Int($0) }
    // A release without numbers is nothing that can be judged.
    guard numbers.count == 2 else { return false }
    return (numbers[0], numbers[1]) < version
  }
}
