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

  private let path: String
  private(set) var values: [String: Int] = [:]

  init(in directory: String = runtimeDirectory) throws(InstanceLock.Failure) {
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
    try save()
  }

  private func save() throws(InstanceLock.Failure) {
    let lines = values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)\n" }
    // Whole, since a process that is killed in between would lose what nobody else knows.
    do throws(WholeFile.Failure) {
      try WholeFile.replace(path, via: path + ".new", with: Array(lines.joined().utf8), mode: 0o600)
    } catch {
      throw .system(attempt: "writing \(path)", errno: error.number)
    }
  }

  /// Writes back what the agent does not hold any more, and forgets it.
  mutating func restore(except held: Set<Sysctl.Key>) throws(InstanceLock.Failure) -> [String] {
    let kept = Set(held.map(\.name))
    let over = values.filter { !kept.contains($0.key) }
    guard !over.isEmpty else { return [] }
    let done = over.sorted { $0.key < $1.key }.compactMap(SysctlRecord.write)
    values = values.filter { kept.contains($0.key) }
    try save()
    return done
  }

  /// The line that does it; nil: the parameter is gone with its link.
  private static func write(_ name: String, _ value: Int) -> String? {
    guard let file = fopen("/proc/sys/\(name)", "we") else { return nil }
    fputs("\(value)\n", file)
    return fclose(file) == 0 ? "sysctl -w " + "\(name)=\(value)".shellWord : nil
  }

  /// Writes all values back and forgets them. A parameter whose link is gone is left, and so is one of `leaving`:
  /// what others may have come to rely on since. That one's value is kept for whoever puts it back in the end.
  mutating func restore(leaving: Set<Sysctl.Key>) throws(InstanceLock.Failure) -> [String] {
    let done = try restore(except: leaving)
    if values.isEmpty { unlink(path) }
    return done
      + values.sorted { $0.key < $1.key }.map { name, value in
        "# \(name) stays as it is; before the agent it was \(value): sysctl -w "
          + "\(name)=\(value)".shellWord
      }
  }
}
