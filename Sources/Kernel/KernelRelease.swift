import Glibc

/// A kernel's release, as uname(2) tells it: `6.1.0-18-amd64`.
public struct KernelRelease: Sendable {
  public let text: String
  /// The first two; nil where there are no two, and nothing can be judged.
  private let version: (major: Int, minor: Int)?

  public init(text: String) {
    self.text = text
    let numbers = text.split(whereSeparator: { !$0.isASCII || !$0.isNumber }).prefix(2).compactMap { Int($0) }
    version = numbers.count == 2 ? (numbers[0], numbers[1]) : nil
  }

  public static let running: KernelRelease = {
    var name = utsname()
    uname(&name)
    return KernelRelease(
      text: withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
  }()

  public func isOlder(than other: (major: Int, minor: Int)) -> Bool { version.map { $0 < other } ?? false }
}
