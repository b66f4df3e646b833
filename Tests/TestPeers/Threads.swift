import Glibc

/// A thread of its own, because the tests' pool must not be blocked by what waits for a test.
public final class Thread {
  private var handle = pthread_t()
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  public init(_ run: @escaping @Sendable () -> Void) {
    let body = Unmanaged.passRetained(Body(run))
    pthread_create(
      &handle, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, body.toOpaque())
  }

  public func join() { pthread_join(handle, nil) }
}

/// Calls back in a thread and hands over what it returns.
public final class Job<Value: Sendable>: @unchecked Sendable {
  private var thread: Thread?
  private var result: Value?

  public init(_ body: @escaping @Sendable () -> Value) {
    thread = Thread { [self] in result = body() }
  }

  /// Waits for the thread.
  public func value() -> Value {
    thread?.join()
    guard let result else { preconditionFailure("the thread left nothing") }
    return result
  }
}
