import Glibc
import Model

/// Kernel parameters as the files below /proc/sys.
enum SysctlFile {
  /// nil when there is no such parameter: its link is gone, or the kernel lacks it.
  static func read(_ key: Sysctl.Key) throws(KernelError) -> Int? {
    func attempt() -> String { "reading sysctl \(key.name)" }
    let descriptor = open(key.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw KernelError(attempt(), .system(call: "open", .last))
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    guard count >= 0 else { throw KernelError(attempt(), .system(call: "read", .last)) }
    let text = String(decoding: bytes[..<count].prefix { $0 != 0x0a }, as: UTF8.self)
    guard let value = Int(text) else { throw KernelError(attempt(), .malformed("\"\(text)\" is no number")) }
    return value
  }

  static func write(_ sysctl: Sysctl) throws(KernelError) {
    func attempt() -> String { "setting sysctl \(sysctl.key.name)=\(sysctl.value)" }
    let descriptor = open(sysctl.key.path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw KernelError(attempt(), .system(call: "open", .last)) }
    defer { close(descriptor) }
    let bytes = Array("\(sysctl.value)\n".utf8)
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
      throw KernelError(attempt(), .system(call: "write", .last))
    }
  }
}
