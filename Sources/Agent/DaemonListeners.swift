import Configuration
import EventLoop
import Glibc
import JSON
import Report

extension Daemon {
  /// Opens what is not open, or not where the configuration wants it. A listener that cannot be opened is told
  /// of and tried again with each resync: it is no reason to stop guarding.
  func configureListeners() {
    listenerProblems = []
    if control == nil || openedStatus != configuration.status {
      control = nil
      openedStatus = configuration.status
      control = open("status socket") { () throws in try openControl() }
    }
    if metrics == nil || openedMetrics != configuration.metrics {
      metrics = nil
      openedMetrics = configuration.metrics
      if case .listen(let address, let port) = configuration.metrics {
        metrics = open("metrics listener") { () throws in
          try HTTPServer(on: loop, at: .tcp(address: "\(address)", port: port)) { [unowned self] in
            answerPublic($0)
          }
        }
      }
    }
  }

  private func open(_ what: String, _ make: () throws -> HTTPServer) -> HTTPServer? {
    do { return try make() } catch {
      listenerProblems.append(.listener(what, error))
      log.write(.warning, "\(what): \(error)")
      return nil
    }
  }

  private func openControl() throws -> HTTPServer {
    let path = options.socketPath ?? configuration.status.socket
    var group: UInt32?
    if let name = configuration.status.group {
      guard let entry = getgrnam(name) else { throw UnknownGroup(name: name) }
      group = entry.pointee.gr_gid
    }
    return try HTTPServer(on: loop, at: .unix(path: path, mode: 0o660, group: group)) { [unowned self] in
      answerControl($0)
    }
  }
}

struct UnknownGroup: Error, CustomStringConvertible {
  let name: String
  var description: String {
    "status.group: there is no group \"\(terminalSafe(name))\"; make it with groupadd"
  }
}

extension HTTPResponse {
  init(json: JSONValue) {
    self.init(status: 200, contentType: "application/json", body: Array((json.text + "\n").utf8))
  }
}

extension ReloadResult {
  var json: JSONValue {
    switch self {
    case .applied: ["result": "applied", "error": .null]
    case .unchanged: ["result": "unchanged", "error": .null]
    case .refused(let error): ["result": "refused", "error": .string(error)]
    }
  }
}
