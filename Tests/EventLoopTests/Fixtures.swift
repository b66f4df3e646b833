import Glibc

/// A pipe that is closed with its last owner.
final class Pipe {
  let reading: Int32
  let writing: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0)
    (reading, writing) = (ends[0], ends[1])
  }

  deinit {
    close(reading)
    close(writing)
  }

  func writeByte() { _ = write(writing, "x", 1) }

  func readByte() {
    var byte: UInt8 = 0
    _ = read(reading, &byte, 1)
  }
}

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

/// A directory that goes with its owner, with the plain files and sockets in it and in its directory `run`.
final class TemporaryDirectory {
  let path: String

  init() {
    var template = Array("/tmp/event-loop-tests.XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for name in ["agent.sock", "mute.sock", "garbage.sock", "run/agent.sock", "run"] {
      remove("\(path)/\(name)")
    }
    rmdir(path)
  }

  func write(_ name: String, _ text: String) {
    guard let file = fopen("\(path)/\(name)", "w") else { return }
    fputs(text, file)
    fclose(file)
  }

  /// A socket's file without a socket.
  func staleSocket(_ name: String) throws { close(try listeningSocket(name)) }

  func listeningSocket(_ name: String) throws -> Int32 {
    let fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: "\(path)/\(name)".utf8) }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    precondition(result == 0 && listen(fd, 8) == 0)
    return fd
  }
}
