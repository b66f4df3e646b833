import EventLoop
import Report

/// What the status socket and the metrics' address answer. What is there for reading takes GET and HEAD, what changes
/// something POST.
extension Daemon {
  /// The status socket: for root and the configured group.
  func answerControl(_ request: HTTPRequest) -> HTTPResponse {
    switch request.path {
    case "/status": request.reading { HTTPResponse(json: answeredStatus().json()) }
    case "/events": request.reading { answerEvents(since: request.query) }
    case "/healthz": request.reading { HTTPResponse(status: 200, Readiness.alive) }
    case "/readyz": request.reading { readiness(.messages) }
    case "/reload": request.changing { HTTPResponse(json: reload(because: "request").json) }
    case "/exit": request.changing { answerExit(request.body) }
    default: HTTPResponse(status: 404, "no such thing: \(terminalSafe(request.path))")
    }
  }

  /// The metrics' address: for whoever reaches it.
  func answerPublic(_ request: HTTPRequest) -> HTTPResponse {
    switch request.path {
    case "/": request.reading { page(LandingPage.contentType, LandingPage.render(makeStatus())) }
    case "/metrics":
      request.reading {
        page(
          MetricsPage.contentType, MetricsPage.render(answeredStatus(), ledger.counters, .read(), .read()))
      }
    case "/healthz": request.reading { HTTPResponse(status: 200, Readiness.alive) }
    case "/readyz": request.reading { readiness(.codes) }
    default: HTTPResponse(status: 404, "no such thing; there are /, /metrics, /healthz and /readyz")
    }
  }

  private func readiness(_ detail: Readiness.Detail) -> HTTPResponse {
    let status = makeStatus()
    return HTTPResponse(status: Readiness.httpStatus(status.phase), Readiness.text(status, detail))
  }

  private func page(_ contentType: String, _ text: String) -> HTTPResponse {
    HTTPResponse(status: 200, contentType: contentType, body: Array(text.utf8))
  }
}

extension HTTPRequest {
  fileprivate func reading(_ answer: () -> HTTPResponse) -> HTTPResponse {
    switch method {
    case .get, .head: answer()
    case .post, .other: .notAllowed([.get, .head])
    }
  }

  fileprivate func changing(_ answer: () -> HTTPResponse) -> HTTPResponse {
    guard method == .post else { return .notAllowed([.post]) }
    guard peer?.uid == 0 else { return HTTPResponse(status: 403, "only root may change anything") }
    return answer()
  }
}
