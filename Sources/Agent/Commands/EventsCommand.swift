import EventLoop
import Glibc
import JSON
import Report

extension Tool {
  /// How many events are shown to who asks for no others.
  private static let usual = 50

  /// liteboxd-agent events
  func events() -> Int32 {
    asking {
      if invocation.flags.contains("--all"), invocation.since != nil {
        Tool.complain("events: --all and --since do not go together; see liteboxd-agent help events")
        return ExitStatus.usage
      }
      var answer = try askForEvents(after: 0)
      let last = answer
      if let since = invocation.since {
        answer.keep(since: since.moment(now: wallClock()))
      } else if !invocation.flags.contains("--all") {
        answer.keep(last: Tool.usual)
      }
      guard invocation.flags.contains("--follow") else {
        if invocation.flags.contains("--json") {
          print(answer.json().text + "\n", to: 1)
        } else {
          show(answer.events)
        }
        return ExitStatus.success
      }
      show(answer.events)
      try follow(from: last)
    }
  }

  private func askForEvents(after number: Int64) throws -> EventAnswer {
    try EventAnswer(json: ask(.get, "/events?since=\(number)"))
  }

  /// One a line.
  private func show(_ events: [JSONValue]) {
    guard !events.isEmpty else { return }
    let isJSON = invocation.flags.contains("--json")
    print(events.map { (isJSON ? $0.text : EventAnswer.line($0)) + "\n" }.joined(), to: 1)
  }

  /// Prints what is new, each second, until the process is ended. A daemon that is gone is waited for.
  private func follow(from answer: EventAnswer) throws -> Never {
    var (run, number, isGone) = (answer.run, answer.last, false)
    while true {
      sleep(1)
      do {
        var fresh = try askForEvents(after: number)
        if fresh.run != run {
          Tool.complain("the daemon was started again")
          let known = fresh.resumption(from: number)
          if known < number { fresh = try askForEvents(after: known) }
        } else if isGone {
          Tool.complain("the daemon answers again")
        }
        show(fresh.events)
        (run, number, isGone) = (fresh.run, fresh.last, false)
      } catch let error as LocalHTTPError {
        if !isGone { Tool.complain("\(error); waiting for it") }
        isGone = true
      }
    }
  }
}
