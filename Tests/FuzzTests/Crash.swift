import Glibc

/// Written before each case, read by the handler: a whole line, ended by a zero.
nonisolated(unsafe) private let lastWords = UnsafeMutablePointer<CChar>.allocate(capacity: Crash.room)

/// Says which input a process dies of. Only `make fuzz` asks for it: elsewhere the process has other work too.
enum Crash {
  fileprivate static let room = 256
  nonisolated(unsafe) private static var seed: UInt64?

  static func watch(seed: UInt64) {
    guard self.seed == nil else { return }
    self.seed = seed
    lastWords.initialize(repeating: 0, count: room)
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE] {
      signal(number) { number in
        _ = write(2, lastWords, strlen(lastWords))
        signal(number, SIG_DFL)
        raise(number)
      }
    }
  }

  static func note(_ target: String, case number: Int) {
    guard let seed else { return }
    let text = "fuzz: dies of \(target), FUZZ_SEED=\(seed), case \(number)\n".utf8CString.prefix(room - 1)
    lastWords.update(from: Array(text) + [0], count: text.count + 1)
  }
}
