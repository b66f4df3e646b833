import Glibc
import Report

extension ProcessStatistics {
  /// Reads /proc/self (proc(5)). What cannot be read stays 0.
  static func read() -> ProcessStatistics {
    var statistics = ProcessStatistics()
    let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    // The command's name, in parentheses, may hold anything; what follows the last one is numbers.
    let fields = text(of: "/proc/self/stat").split(separator: ")").last?.split(separator: " ") ?? []
    func field(_ number: Int) -> Double { number - 3 < fields.count ? Double(fields[number - 3]) ?? 0 : 0 }
    statistics.cpuSeconds = (field(14) + field(15)) / ticks
    statistics.virtualBytes = UInt64(field(23))
    statistics.residentBytes = UInt64(field(24)) * UInt64(sysconf(Int32(_SC_PAGESIZE)))
    let bootTime = text(of: "/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }
    statistics.startSeconds = (bootTime.flatMap { Double($0.dropFirst(6)) } ?? 0) + field(22) / ticks
    statistics.openDescriptors = descriptors()
    var limit = rlimit()
    // RLIMIT_NOFILE is 7.
    if getrlimit(__rlimit_resource_t(7), &limit) == 0 {
      statistics.maximumDescriptors = UInt64(limit.rlim_cur)
    }
    return statistics
  }

  private static func descriptors() -> UInt64 {
    guard let directory = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(directory) }
    var count: UInt64 = 0
    while let entry = readdir(directory) {
      if entry.pointee.d_name.0 != 0x2e { count += 1 }  // Neither "." nor "..".
    }
    return count
  }

  /// The name that the kernel keeps of a process, fifteen octets of it; empty if there is none. A repair waits for it.
  static func command(of process: some CustomStringConvertible) -> String {
    let descriptor = open("/proc/\(process)/comm", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    return withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { line in
      let count = max(0, Glibc.read(descriptor, line.baseAddress, line.count))
      return String(decoding: line[..<count].prefix { $0 != 0x0a }, as: UTF8.self)
    }
  }

  /// All of a file that proc(5) makes up; empty if it cannot be read.
  static func text(of path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 8192)
    while case let count = Glibc.read(descriptor, &part, part.count), count > 0 { bytes += part[..<count] }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension HostStatistics {
  /// Of this network namespace, as far as connection tracking is loaded.
  static func read() -> HostStatistics {
    var statistics = HostStatistics()
    statistics.trackedFlows = number("/proc/sys/net/netfilter/nf_conntrack_count")
    statistics.trackedFlowsLimit = number("/proc/sys/net/netfilter/nf_conntrack_max")
    return statistics
  }

  private static func number(_ path: String) -> UInt64? {
    UInt64(ProcessStatistics.text(of: path).prefix { $0 != "\n" })
  }
}
