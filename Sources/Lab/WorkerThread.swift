import CLinux
import Glibc

/// A thread of its own in a network namespace. It is never one of Swift's pool: an await there would go on in
/// the wrong namespace, and unrelated work would land in this one. Sockets that it opens stay in the namespace
/// whoever uses them.
final class WorkerThread: Sendable {
  private let thread: Guarded<pthread_t?>

  /// Starts `body`; nil as namespace means the caller's own.
  init(in namespace: NetworkNamespace?, _ body: @escaping @Sendable () throws -> Void) throws(LabError) {
    let job = Job(namespace: namespace, body: body)
    var thread = pthread_t()
    let context = Unmanaged.passRetained(job).toOpaque()
    let code = pthread_create(&thread, nil, runJob, context)
    guard code == 0 else {
      Unmanaged<Job>.fromOpaque(context).release()
      throw LabError("starting a thread", errno: code)
    }
    self.thread = Guarded(thread)
    self.job = job
  }
  private let job: Job

  /// Waits for its end and passes on what it threw. A second call returns at once.
  func join() throws {
    let running = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    if let running { pthread_join(running, nil) }
    if let failure = job.failure.withLock({ $0 }) { throw failure }
  }
}

private final class Job: Sendable {
  let namespace: NetworkNamespace?
  let body: @Sendable () throws -> Void
  let failure = Guarded<(any Error)?>(nil)

  init(namespace: NetworkNamespace?, body: @escaping @Sendable () throws -> Void) {
    self.namespace = namespace
    self.body = body
  }

  func run() {
    do {
      try namespace?.enter()
      try body()
    } catch {
      failure.withLock { $0 = error }
    }
  }
}

private func runJob(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let context { Unmanaged<Job>.fromOpaque(context).takeRetainedValue().run() }
  return nil
}

extension NetworkNamespace {
  /// Moves the calling thread in, for good: only for threads that end here (setns(2)).
  fileprivate func enter() throws(LabError) {
    let descriptor = open("/run/netns/\(name)", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw LabError("opening namespace \(name)", errno: errno) }
    defer { close(descriptor) }
    guard clinux_setns_network(descriptor) == 0 else {
      throw LabError("entering namespace \(name)", errno: errno)
    }
  }

  /// Does `body` on a fresh thread inside and hands back what it made.
  public func inside<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) throws -> Result {
    let result = Guarded<Result?>(nil)
    try WorkerThread(in: self) {
      let made = try body()
      result.withLock { $0 = made }
    }.join()
    guard let value = result.withLock({ $0 }) else {
      throw LabError("working in namespace \(name)", "no result")
    }
    return value
  }
}
