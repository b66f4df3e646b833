import Glibc

/// Tells systemd of the daemon's state: one datagram to the socket in $NOTIFY_SOCKET (sd_notify(3) documents the
/// protocol for use without its library). Without that variable nothing is sent.
final class ServiceManager {
  private let descriptor: Int32?
  private var address = sockaddr_un()
  private var addressLength: socklen_t = 0

  /// How often systemd wants to hear that the loop turns: half of $WATCHDOG_USEC; nil: never.
  let watchdogInterval: Duration?

  init() {
    watchdogInterval = Self.watchdog()
    guard let path = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }), path.utf8.count < 108,
      path.hasPrefix("/") || path.hasPrefix("@")
    else {
      descriptor = nil
      return
    }
    let made = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    descriptor = made >= 0 ? made : nil
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    // An abstract socket's name begins with a zero, which systemd writes as @.
    if path.hasPrefix("@") { address.sun_path.0 = 0 }
    addressLength = socklen_t(MemoryLayout<sa_family_t>.size + path.utf8.count)
  }

  deinit { if let descriptor { close(descriptor) } }

  func ready() { send("READY=1") }
  func stopping() { send("STOPPING=1") }
  func alive() { send("WATCHDOG=1") }
  func status(_ text: String) {
    send("STATUS=\(text.split(whereSeparator: \.isNewline).joined(separator: " "))")
  }

  private func send(_ text: String) {
    guard let descriptor else { return }
    let bytes = Array(text.utf8)
    withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        // A manager that is gone needs no notice.
        _ = sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, addressLength)
      }
    }
  }

  private static func watchdog() -> Duration? {
    if let pid = getenv("WATCHDOG_PID").map({ String(cString: $0) }), pid_t(pid) != getpid() { return nil }
    guard let text = getenv("WATCHDOG_USEC").map({ String(cString: $0) }), let period = Int64(text),
      period > 0
    else { return nil }
    return .microseconds(period / 2)
  }
}
