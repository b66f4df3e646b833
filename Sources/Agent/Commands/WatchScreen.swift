import Glibc

/// The terminal's other screen, drawn upon again and again and given back as it was. Signals wait for `wait`, so that
/// none comes in the middle of a page.
final class WatchScreen {
  enum Wakening {
    /// The time has passed.
    case due
    /// The terminal has another size.
    case resized
    case ended(signal: Int32)
  }

  private static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]
  private var signals = sigset_t()
  private var formerSignals = sigset_t()
  private var formerInput: termios?
  private var isOpen = false

  init() {
    sigemptyset(&signals)
    for signal in Self.ending + [SIGWINCH, SIGTSTP] { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_BLOCK, &signals, &formerSignals)
    open()
  }

  /// The other screen (1049) without a cursor (25); lines that a shrunken terminal has no room for are cut (7). What is
  /// typed meanwhile is not shown.
  private func open() {
    print("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l", to: 1)
    var input = termios()
    if tcgetattr(0, &input) == 0 {
      formerInput = input
      input.c_lflag &= ~tcflag_t(ECHO)
      tcsetattr(0, TCSANOW, &input)
    }
    isOpen = true
  }

  private func leave() {
    guard isOpen else { return }
    isOpen = false
    if var input = formerInput { tcsetattr(0, TCSAFLUSH, &input) }
    print("\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l", to: 1)
  }

  func close() {
    leave()
    pthread_sigmask(SIG_SETMASK, &formerSignals, nil)
  }

  /// In one piece (2026, where the terminal knows it) and over what was there, each line clearing what a longer one left
  /// behind: nothing flickers.
  func show(_ page: String, rows: Int) {
    var lines = page.split(separator: "\n", omittingEmptySubsequences: false)[...]
    if lines.last?.isEmpty == true { lines.removeLast() }
    if lines.count > rows, rows > 1 {
      let more = lines.count - rows + 1
      lines =
        lines.prefix(rows - 1) + ["(\(more) more \(more == 1 ? "line" : "lines"); a taller window shows all)"]
    }
    let text = lines.joined(separator: "\u{1b}[K\r\n")
    print("\u{1b}[?2026h\u{1b}[H\(text)\u{1b}[K\u{1b}[J\u{1b}[?2026l", to: 1)
  }

  func wait(_ time: Duration) -> Wakening {
    var limit = timespec(tv_sec: Int(time.components.seconds), tv_nsec: 0)
    let signal = sigtimedwait(&signals, nil, &limit)
    switch signal {
    case SIGWINCH: return .resized
    case SIGTSTP:
      leave()
      // Until somebody continues it.
      kill(getpid(), SIGSTOP)
      open()
      return .resized
    case let signal where Self.ending.contains(signal): return .ended(signal: signal)
    default: return .due
    }
  }
}
