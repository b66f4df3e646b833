import Foundation
import JSON
import Lab
import Testing

@Suite("What the agent answers over HTTP", .serialized)
struct EndpointTests {
  private struct Answer {
    let status: Int
    let head: String
    let body: String
  }

  /// By the metrics' address, or by the status socket.
  private func ask(_ stage: Stage, _ words: [String], socket: String? = nil) throws -> Answer {
    let way = socket.map { ["--unix-socket", $0] } ?? []
    let text = try stage.lab.namespace(.gateway)
      .execute(["curl", "-s", "-i", "--max-time", "5"] + way + words).output()
    let parts = text.components(separatedBy: "\r\n\r\n")
    let status = parts[0].split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return Answer(status: status, head: parts[0], body: parts.dropFirst().joined(separator: "\r\n\r\n"))
  }

  private let place = "http://127.0.0.1:9479"

  @Test("the metrics' address says whether the agent lives, and whether traffic flows")
  func metricsAddress() throws {
    let stage = try Stage { $0.replacing("listen: \"off\"", with: "listen: \"127.0.0.1:9479\"") }
    let alive = try ask(stage, [place + "/healthz"])
    #expect(alive.status == 200 && alive.body == "alive\n")
    let ready = try ask(stage, [place + "/readyz"])
    #expect(ready.status == 200 && ready.body == "ready\n")
    let landing = try ask(stage, [place + "/"])
    #expect(landing.status == 200 && landing.head.contains("Content-Type: text/html; charset=utf-8"))
    for word in ["/metrics", "/healthz", "/readyz", "role gateway", "<strong>ready</strong>"] {
      #expect(landing.body.contains(word), "\(landing.body)")
    }
    for path in ["/", "/metrics", "/healthz", "/readyz"] {
      let whole = try ask(stage, [place + path])
      let head = try ask(stage, ["-I", place + path])
      #expect(head.status == whole.status && head.body.isEmpty, "\(path): \(head)")
      #expect(head.head.contains("Content-Length: ") && !head.head.contains("Content-Length: 0"))
      for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let refused = try ask(stage, ["-X", method, place + path])
        #expect(
          refused.status == 405 && refused.head.contains("Allow: GET, HEAD"), "\(method) \(path): \(refused)")
      }
    }
    for path in ["/status", "/reload", "/exit", "/events", "/metrics/", "/%2e", "//"] {
      #expect(try ask(stage, ["--path-as-is", place + path]).status == 404, "\(path)")
    }
    try stage.lab.zeroTier(.gateway).tell(.linkDelete)
    try stage.gateway.waitFor(phase: "blocked", within: .seconds(5))
    let blocked = try ask(stage, [place + "/readyz"])
    let lines = blocked.body.split(separator: "\n")
    #expect(blocked.status == 503 && lines.first == "blocked" && lines.count >= 2, "\(blocked)")
    // To anybody no more than the metrics say.
    #expect(lines.allSatisfy { $0.wholeMatch(of: /[a-z-]+/) != nil }, "\(blocked)")
    #expect(try ask(stage, [place + "/healthz"]).status == 200)
  }

  @Test("the status socket says the same with the reasons in full, and 405 for what is done otherwise")
  func socket() throws {
    let stage = try Stage()
    let socket = stage.gateway.program.socket
    #expect(try ask(stage, ["http://x/healthz"], socket: socket).body == "alive\n")
    #expect(try ask(stage, ["http://x/readyz"], socket: socket).body == "ready\n")
    try stage.gateway.program.rewrite(configuration: "role: nonsense\n")
    try stage.gateway.waitFor(phase: "degraded", within: .seconds(5))
    let degraded = try ask(stage, ["http://x/readyz"], socket: socket)
    #expect(degraded.status == 200 && degraded.body.hasPrefix("degraded\nconfig-refused: "), "\(degraded)")
    #expect(degraded.body.contains(" → "), "\(degraded)")
    let get = try ask(stage, ["http://x/reload"], socket: socket)
    #expect(get.status == 405 && get.head.contains("Allow: POST"), "\(get)")
    #expect(try ask(stage, ["-X", "POST", "http://x/status"], socket: socket).status == 405)
    #expect(try ask(stage, ["http://x/metrics"], socket: socket).status == 404)
  }
}
