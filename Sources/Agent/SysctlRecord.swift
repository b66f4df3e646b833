import Configuration
import Glibc
import Model

/// What kernel parameters were before the agent set them, so that teardown can put them back. Kept below /run:
/// a restart of the host undoes both.
struct SysctlRecord {
  /// For a `Reconciler`. What cannot be kept is told of; the guard goes before the record.
  static func keeper(_ log: Log) -> (Sysctl.Key, Int) -> Void {
    { key, value in
      do throws(InstanceLock.Failure) {
        var record = try SysctlRecord()
        try record.note(key, was: value)
      } catch {
        log.write(.warning, "keeping the former value of sysctl \(key.name): \(error)")
      }
    }
  }

  private let directory: String
  private let path: String
  private(set) var values: [String: Int] = [:]

  init(in directory: String = runtimeDirectory) throws(InstanceLock.Failure) {
    self.directory = directory
    path = try InstanceLock.path(in: directory, ".sysctl")
    guard let file = fopen(path, "re") else { return }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 512)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(
        decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let parts = text.split(separator: "=", maxSplits: 1)
      if parts.count == 2, let value = Int(parts[1]) { values[String(parts[0])] = value }
    }
  }

  /// Only the first value counts: later ones are the agent's own or drift.
  mutating func note(_ key: Sysctl.Key, was value: Int) throws(InstanceLock.Failure) {
    guard values[key.name] == nil else { return }
    values[key.name] = value
    try keep(values)
  }

  private func keep(_ values: [String: Int]) throws(InstanceLock.Failure) {
    guard let file = fopen(path, "we") else { throw .system(attempt: "writing \(path)", errno: errno) }
    defer { fclose(file) }
    let refusal = FileOwner.inherit(fileno(file), from: directory)
    guard refusal == 0 else {
      throw .system(attempt: "giving \(path) to the owner of \(directory)", errno: refusal)
    }
    for (name, value) in values.sorted(by: { $0.key < $1.key }) { fputs("\(name)=\(value)\n", file) }
  }

  /// Writes all values back and forgets them. A parameter whose link is gone is left, and so is one of `leaving`:
  /// what others may have come to rely on since. That one's value is kept for who puts it back in the end.
  func restore(leaving: Set<Sysctl.Key>) throws(InstanceLock.Failure) -> [String] {
    var done: [String] = []
    let names = Set(leaving.map(\.name))
    let left = values.filter { names.contains($0.key) }
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      if left[name] != nil {
        done.append("# \(name) stays as it is; before the agent it was \(value): sysctl -w \(name)=\(value)")
        continue
      }
      guard let file = fopen("/proc/sys/\(name)", "we") else { continue }
      fputs("\(value)\n", file)
      if fclose(file) == 0 { done.append("sysctl -w \(name)=\(value)") }
    }
    if left.isEmpty { unlink(path) } else { try keep(left) }
    return done
  }
}
