import EventLoop
import Glibc
import TestPeers
import Testing

@Suite("The event loop")
struct LoopTests {
  let loop: EventLoop

  init() throws { loop = try EventLoop() }

  @Test("a one-shot timer fires once, on time, and never before after() has returned")
  func oneShot() throws {
    let start = loop.now
    var fired = 0
    var late: EventSource?
    let timer = try loop.after(.milliseconds(20)) {
      fired += 1
      let waited = self.loop.now - start
      #expect(waited >= .milliseconds(20) && waited < .milliseconds(500))
      late = try? self.loop.after(.milliseconds(30)) { self.loop.stop() }
    }
    #expect(fired == 0)
    try loop.run()
    withExtendedLifetime((timer, late)) {}
    #expect(fired == 1)
  }

  @Test("a periodic timer starts after one interval and does not make up for what it missed")
  func periodic() throws {
    let start = loop.now
    var times: [Duration] = []
    let timer = try loop.every(.milliseconds(20)) {
      times.append(self.loop.now - start)
      // Sleeps through four intervals.
      if times.count == 1 { usleep(90_000) }
      if times.count == 3 { self.loop.stop() }
    }
    try loop.run()
    withExtendedLifetime(timer) {}
    #expect(times[0] >= .milliseconds(20))
    // At once after the long callback at the most; then a whole interval again.
    #expect(times[2] - times[1] >= .milliseconds(15))
  }

  @Test("a timer can be armed again from its own callback, and stopped for a while")
  func rearming() throws {
    var fired = 0
    var timer: EventSource?
    timer = try loop.after(.milliseconds(1)) {
      fired += 1
      if fired == 3 { self.loop.stop() } else { try? timer?.rearm(after: .milliseconds(1)) }
    }
    try loop.run()
    #expect(fired == 3)
    try timer?.rearm(after: .milliseconds(1))
    try timer?.disarm()
    let end = try loop.after(.milliseconds(20)) { self.loop.stop() }
    try loop.run()
    withExtendedLifetime(end) {}
    #expect(fired == 3)
    timer?.cancel()
    try timer?.rearm(after: .zero)
    #expect(timer?.isCancelled == true)
  }

  @Test("a readable descriptor calls back until it has been read, and no more when the source is released")
  func readable() throws {
    let pipe = Pipe()
    var calls = 0
    var source: EventSource?
    source = try loop.watch(readable: pipe.reading) {
      calls += 1
      if calls == 2 { pipe.readByte() }
      if calls == 3 { source = nil }
    }
    pipe.writeByte()
    let later = try loop.after(.milliseconds(20)) {
      #expect(calls == 2)
      pipe.writeByte()
    }
    let end = try loop.after(.milliseconds(60)) { self.loop.stop() }
    try loop.run()
    withExtendedLifetime((later, end)) {}
    #expect(calls == 3 && source == nil)
  }

  @Test("what cannot be watched is an error that names it")
  func unwatchable() throws {
    #expect(
      throws: EventLoopError.system(
        attempt: "watching descriptor 9999 for input", SystemError(rawValue: EBADF))
    ) {
      try loop.watch(readable: 9999) {}
    }
    let pipe = Pipe()
    let source = try loop.watch(readable: pipe.reading) {}
    #expect(throws: EventLoopError.notATimer) { try source.rearm(after: .zero) }
  }

  @Test("an idle loop makes no wake-ups of its own")
  func idle() throws {
    let end = try loop.after(.milliseconds(300)) { self.loop.stop() }
    let pipe = Pipe()
    let source = try loop.watch(readable: pipe.reading) {}
    let before = voluntarySwitches()
    try loop.run()
    withExtendedLifetime((end, source)) {}
    #expect(voluntarySwitches() - before <= 3)
  }

  @Test("what is urgent waits for no crowd")
  func urgent() throws {
    let crowd = (0..<500).map { _ in Pipe() }
    let call = Pipe()
    var (seen, before) = (0, -1)
    var sources: [EventSource] = []
    for pipe in crowd {
      pipe.writeByte()
      sources.append(
        try loop.watch(readable: pipe.reading) {
          pipe.readByte()
          seen += 1
          // Comes up while the crowd is being served.
          if seen == 3 { call.writeByte() }
          if seen == crowd.count { self.loop.stop() }
        })
    }
    sources.append(
      try loop.watch(readable: call.reading, .urgent) {
        call.readByte()
        before = seen
      })
    try loop.run()
    withExtendedLifetime(sources) {}
    // epoll(7) hands out what is ready in turns, a few dozen at first.
    #expect((3..<100).contains(before), "\(before) of \(crowd.count) came before it")
  }

  @Test("a signal is handled in the loop, and its disposition comes back")
  func signals() throws {
    var caught = 0
    var source: EventSource? = try loop.signal(SIGUSR2) {
      caught += 1
      self.loop.stop()
    }
    let sender = try loop.after(.milliseconds(1)) { kill(getpid(), SIGUSR2) }
    try loop.run()
    withExtendedLifetime(sender) {}
    #expect(caught == 1 && source != nil)
    source = nil
    var action = sigaction()
    sigaction(SIGUSR2, nil, &action)
    #expect(action.__sigaction_handler.sa_handler == nil)
  }

  @Test("libevent's words go to the sink and not to standard error")
  func logging() throws {
    let before = LibeventLog.droppedMessages
    // Running a loop inside itself is refused with a warning.
    let timer = try loop.after(.zero) {
      #expect(throws: EventLoopError.self) { try self.loop.run() }
      self.loop.stop()
    }
    try loop.run()
    withExtendedLifetime(timer) {}
    #expect(LibeventLog.droppedMessages > before)
  }
}

@Suite("Monotonic time")
struct MonotonicTimeTests {
  @Test("moments are ordered and their differences are durations")
  func arithmetic() {
    let a = MonotonicTime(nanoseconds: 5)
    let b = a + .microseconds(2)
    #expect(b.nanoseconds == 2_005 && a < b && b - a == .microseconds(2) && a - b == .microseconds(-2))
    #expect(MonotonicTime.now <= MonotonicTime.now)
  }

  @Test("what is too long for 64 bits stops at the bound")
  func bounds() {
    #expect(Duration.seconds(Int64.max).wholeNanoseconds == .max)
    #expect((MonotonicTime(nanoseconds: .max) + .seconds(1)).nanoseconds == .max)
  }
}
