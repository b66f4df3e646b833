import Glibc

/// A value that one thread at a time may use. Synchronization's Mutex would do but for the thread sanitizer,
/// which does not see its lock on Linux and takes every use for a race; POSIX mutexes it knows.
final class Guarded<Value: Sendable>: @unchecked Sendable {
  // Unchecked: `value` is touched between lock and unlock alone.
  private var value: Value
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

  init(_ value: Value) {
    self.value = value
    lock.initialize(to: pthread_mutex_t())
    pthread_mutex_init(lock, nil)
  }

  deinit {
    pthread_mutex_destroy(lock)
    lock.deallocate()
  }

  func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return try body(&value)
  }
}
