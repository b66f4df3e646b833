import Glibc

/// From here on SIGINT, SIGTERM and SIGHUP close every lab before the process exits with 128 and the signal's
/// number. To be called before any other thread is started: the threads inherit what is blocked here.
public func closeLabsOnSignals() {
  var signals = sigset_t()
  sigemptyset(&signals)
  for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
  pthread_sigmask(SIG_BLOCK, &signals, nil)
  let waited = signals
  do {
    _ = try WorkerThread(in: nil) {
      var (waited, number) = (waited, Int32(0))
      guard sigwait(&waited, &number) == 0 else { return }
      Lab.closeAll()
      exit(128 + number)
    }
  } catch {
    report("\(error); an interrupted lab will be swept by the next one")
  }
}
