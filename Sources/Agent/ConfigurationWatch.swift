import EventLoop
import Glibc

/// Tells when the configuration file may have changed: by looking at it each interval, which is what is promised,
/// and by inotify(7) on its directory, which is quicker and sees renames and exchanged symbolic links.
final class ConfigurationWatch {
  private struct Signature: Equatable {
    var device: UInt = 0
    var inode: UInt = 0
    var size: Int = 0
    var changedAt: [Int] = []

    init(_ path: String) {
      var status = stat()
      guard stat(path, &status) == 0 else { return }
      device = status.st_dev
      inode = status.st_ino
      size = Int(status.st_size)
      changedAt = [status.st_mtim, status.st_ctim].flatMap { [$0.tv_sec, $0.tv_nsec] }
    }
  }

  private let path: String
  /// Whether to call again at the next look, though nothing may have changed.
  enum Outcome { case settled, again }

  private let changed: () -> Outcome
  /// nil: not looked at yet, or to be looked at again.
  private var last: Signature?
  private var sources: [EventSource] = []
  private var descriptor: Int32 = -1

  init(
    on loop: EventLoop, path: String, pollInterval: Duration, changed: @escaping () -> Outcome
  ) throws(EventLoopError) {
    self.path = path
    self.changed = changed
    sources.append(try loop.every(pollInterval) { [unowned self] in look() })
    descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
    guard descriptor >= 0 else { return }
    let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB
    // Without it, and where the directory is exchanged whole, polling remains.
    guard inotify_add_watch(descriptor, directory, UInt32(events)) >= 0 else { return }
    sources.append(
      try loop.watch(readable: descriptor) { [unowned self] in
        drain()
        look()
      })
  }

  deinit {
    sources = []
    if descriptor >= 0 { close(descriptor) }
  }

  /// The file as it is now is known: only a later change counts.
  func settle() { last = Signature(path) }

  private func look() {
    let now = Signature(path)
    guard now != last else { return }
    last = now
    if changed() == .again { last = nil }
  }

  private func drain() {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while read(descriptor, &buffer, buffer.count) > 0 {}
  }
}
