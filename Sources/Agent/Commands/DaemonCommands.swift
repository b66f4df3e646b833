import Configuration
import EventLoop
import Glibc
import JSON
import Model
import Report

extension Tool {
  /// liteboxd-agent run
  func runDaemon() -> Int32 {
    attempt {
      try demandCapabilities([.networkAdministration, .rawNetwork])
      let log = Log()
      raiseDescriptorLimit(log)
      let lock = try InstanceLock()
      let (loaded, problem) = try configurationOrLastGood(log)
      var options = DaemonOptions(
        configurationPath: invocation.configurationPath, socketPath: invocation.socketPath,
        stateDirectory: Tool.stateDirectory)
      let former = formerConfiguration(log)
      options.formerNetwork = former?.zerotier.networkID
      options.formerRole = former?.roleName
      options.pinnedExit = pinnedExit(log)
      let daemon = try Daemon(loaded, options, log: log)
      daemon.configurationError = problem
      try withExtendedLifetime(lock) { try daemon.run() }
      return ExitStatus.success
    }
  }

  /// As many descriptors as may be had: end-to-end checks of many exits are many sockets.
  private func raiseDescriptorLimit(_ log: Log) {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
    limit.rlim_cur = limit.rlim_max
    if setrlimit(resource, &limit) != 0 {
      log.write(.warning, "raising the limit of open files to \(limit.rlim_max): errno \(errno)")
    }
  }

  /// Of the last run's configuration; what that run left open may be taken over if it is the same.
  func formerNetwork(_ log: Log) -> ZeroTierNetworkID? { formerConfiguration(log)?.zerotier.networkID }

  private func formerConfiguration(_ log: Log) -> AgentConfiguration? {
    do { return try store.load(for: invocation.configurationPath)?.configuration } catch {
      log.write(.warning, "the last good configuration cannot be read: \(error)")
      return nil
    }
  }

  /// The exit that a person pinned for longer than a run.
  func pinnedExit(_ log: Log) -> String? {
    do { return try store.loadPinnedExit(for: invocation.configurationPath) } catch {
      log.write(.warning, "the pinned exit cannot be read, the choice is automatic: \(error)")
      return nil
    }
  }

  /// liteboxd-agent check
  func check() -> Int32 {
    attempt {
      let loaded = try configuration()
      for warning in loaded.warnings { Tool.complain("warning: \(warning)") }
      print("\(terminalSafe(loaded.path)): usable, role \(loaded.configuration.roleName)\n", to: 1)
      return ExitStatus.success
    }
  }

  // MARK: Asking the daemon

  /// The configuration's socket; that of the last good one if the file is broken, as the daemon holds to it; else
  /// the usual one.
  var socketPath: String {
    if let given = invocation.socketPath { return given }
    return readableConfiguration?.configuration.status.socket ?? Invocation.defaultSocket
  }

  func ask(
    _ method: HTTPMethod, _ path: String, _ body: JSONValue? = nil, timeout: Duration = .seconds(5)
  ) throws -> JSONValue {
    let end = MonotonicTime.now + timeout
    var answer: HTTPAnswer
    repeat {
      answer = try LocalHTTP.request(
        socketPath: socketPath, method: method, path: path, body: body.map { Array($0.text.utf8) } ?? [],
        timeout: end - .now)
      // What a crowd of clients keeps the daemon from, it has not begun.
    } while answer.status == 503 && isTimeLeft(until: end)
    guard answer.status == 200 else {
      throw DaemonRefused(status: answer.status, text: String(decoding: answer.body, as: UTF8.self))
    }
    return try JSONValue(parsing: answer.body)
  }

  /// Waits a little, if there is so much time.
  private func isTimeLeft(until end: MonotonicTime) -> Bool {
    guard end - .now > .milliseconds(200) else { return false }
    usleep(100_000)
    return true
  }

  struct DaemonRefused: Error, CustomStringConvertible {
    let status: Int
    let text: String
    var description: String {
      "the daemon refused (\(status)): \(terminalSafe(text.split(whereSeparator: \.isNewline).joined(separator: " ")))"
    }
  }

  /// Runs what asks the daemon; one that is not there has an exit status of its own.
  func asking(_ body: () throws -> Int32) -> Int32 {
    do { return try body() } catch let error as LocalHTTPError {
      Tool.complain("\(error)")
      return ExitStatus.noDaemon
    } catch {
      Tool.complain("\(error)")
      return ExitStatus.failure
    }
  }

  /// liteboxd-agent exit use
  func useExit() -> Int32 {
    asking {
      let question: JSONValue = [
        "use": .string(invocation.operands[1]), "keep": .bool(invocation.flags.contains("--keep")),
      ]
      let answer = try ask(.post, "/exit", question)
      let refusal = answer["error"]?.string
      if invocation.flags.contains("--json") {
        print(answer.text + "\n", to: 1)
      } else if let refusal {
        Tool.complain("refused: \(terminalSafe(refusal))")
      } else {
        print(terminalSafe(answer["result"]?.string ?? "") + "\n", to: 1)
      }
      return refusal == nil ? ExitStatus.success : ExitStatus.failure
    }
  }

  /// liteboxd-agent reload
  func reload() -> Int32 {
    asking {
      let answer = try ask(.post, "/reload", timeout: .seconds(30))
      let result = answer["result"]?.string ?? ""
      if invocation.flags.contains("--json") {
        print(answer.text + "\n", to: 1)
      } else if let error = answer["error"]?.string {
        Tool.complain("refused, the last good configuration stays in force: \(terminalSafe(error))")
      } else {
        print("\(result)\n", to: 1)
      }
      return result == "refused" ? ExitStatus.failure : ExitStatus.success
    }
  }
}
