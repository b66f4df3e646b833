import Glibc

/// How often this thread has gone to sleep (proc_pid_status(5)).
func voluntarySwitches() -> Int {
  guard let file = fopen("/proc/thread-self/status", "r") else { return -1 }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 256)
  while fgets(&line, Int32(line.count), file) != nil {
    let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if text.hasPrefix("voluntary_ctxt_switches:") {
      return Int(text.split(whereSeparator: \.isWhitespace)[1]) ?? -1
    }
  }
  return -1
}

/// Raises this process's limit of open files if it is lower.
func allowDescriptors(_ count: UInt) {
  var limit = rlimit()
  getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  guard limit.rlim_cur < count else { return }
  limit.rlim_cur = min(count, limit.rlim_max)
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
