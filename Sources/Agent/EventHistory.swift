import Report

/// What happened, in memory and, as far as the disk allows, in the state directory. A disk that fails costs the past
/// at the next start, and nothing else.
final class EventHistory {
  private(set) var ring = EventRing()
  private var file: EventFile
  private let log: Log
  /// What the former runs kept is in `ring`.
  private var isRead = false
  /// The number of the last event that is in the file.
  private var kept: Int64 = 0
  /// The number of this run's first event, once the former ones are known.
  private var runFirst: Int64 = 1
  private var isFailureTold = false

  init(in directory: String, _ log: Log) {
    file = EventFile(in: directory)
    self.log = log
  }

  func record(_ happening: Happening) -> EventRing.Place { ring.append(happening, at: wallClock()) }

  /// Takes up the former runs' history. Not part of a start, which would wait for the disk then.
  private func readFormer() {
    guard !isRead else { return }
    isRead = true
    let own = ring
    ring = EventRing()
    do throws(EventFile.Failure) { ring.restore(try file.read()) } catch { tell(error) }
    kept = ring.last
    runFirst = ring.last + 1
    for event in own.events {
      for _ in 0..<event.count { ring.append(event.happening, at: event.lastTime) }
    }
  }

  /// Writes what is not in the file yet; false: that failed, and is to be tried again.
  func keep() -> Bool {
    readFormer()
    guard kept < ring.last else { return true }
    do throws(EventFile.Failure) { try file.add(ring, after: kept) } catch {
      tell(error)
      return false
    }
    kept = ring.last
    if isFailureTold { log.write(.notice, "the history of events is kept again") }
    isFailureTold = false
    return true
  }

  /// Once, until it works again.
  private func tell(_ failure: EventFile.Failure) {
    guard !isFailureTold else { return }
    isFailureTold = true
    log.write(
      .warning, "the history of events is not kept for the next start; it goes on in memory: \(failure)")
  }

  /// What is answered to who knows the events up to that number.
  func answer(since number: Int64, run: Int64) -> EventAnswer {
    readFormer()
    return EventAnswer(
      last: ring.last, run: run, runFirst: runFirst, events: ring.events(after: number).map { $0.json() })
  }
}
