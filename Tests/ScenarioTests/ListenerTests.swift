import Foundation
import JSON
import Lab
import Testing

/// What clients of a listener can say that is no good.
enum BadManners: String, CaseIterable, Sendable {
  case idle, slowReader, garbage, hugeHeader, endlessBody

  /// How many come at once. Whole answers cost the agent's time, so fewer ask for one, still more than there are
  /// places.
  var crowd: Int { self == .slowReader ? 100 : 1000 }

  /// - Parameter path: what a reader that never reads asks for.
  func words(askingFor path: String) -> [UInt8] {
    switch self {
    case .idle: []
    case .slowReader: Array("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
    case .garbage: (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 167 ^ $0 >> 3) }
    case .hugeHeader: Array("GET \(path) HTTP/1.1\r\nX: \(String(repeating: "y", count: 100_000))".utf8)
    case .endlessBody: Array("POST \(path) HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n".utf8)
    }
  }
}

extension Stage {
  /// Repairs of a rule go on; the bound leaves room for a busy machine that serves the crowd's own end too.
  fileprivate func expectRepairs(_ cause: String) throws {
    let watch = try KernelWatch(.gateway, in: lab)
    for _ in 0..<3 {
      let start = Moment.now
      try lab.namespace(.gateway).ip("rule del priority 150")
      let time = eventually(within: .seconds(5)) { watch.repairTime(since: start, of: .rule) }
      #expect(try #require(time, "\(cause)") < .seconds(2), "\(cause)")
    }
    try watch.stop()
  }

  fileprivate var residentKilobytes: Int {
    let status = (try? String(contentsOfFile: "/proc/\(gateway.pid)/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? -1
  }

  fileprivate var descriptors: Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(gateway.pid)/fd").count) ?? -1
  }
}

@Suite("S32: the status socket has bad clients", .serialized)
struct StatusSocketTests {
  @Test(
    "crowds of each kind neither stop repairs nor keep an honest client out")
  func crowd() throws {
    let stage = try Stage()
    let before = stage.residentKilobytes
    for manners in BadManners.allCases {
      let crowd = try stage.lab.startCrowd(
        manners.crowd, at: .unix(stage.gateway.program.socket), saying: manners.words(askingFor: "/status"))
      try stage.expectRepairs("\(manners)")
      #expect(try stage.gateway.status() != nil)
      #expect(stage.descriptors < 150, "\(stage.descriptors)")
      #expect(stage.residentKilobytes - before < 32_000, "\(before) to \(stage.residentKilobytes)")
      #expect(stage.gateway.isRunning && crowd.count > 0)
    }
    try stage.expectInSync()
  }

  @Test("a stale socket is replaced, and another's file in its place stays as it is and is told of")
  func place() throws {
    let stage = try Stage()
    let path = stage.gateway.program.socket
    stage.gateway.kill()
    #expect(FileManager.default.fileExists(atPath: path))
    let second = try stage.lab.startAgent(on: .gateway)
    try second.waitFor(phase: "ready", within: .seconds(5))
    second.kill()
    try Command(["sh", "-c", "rm \(path); echo mine > \(path); chmod 0640 \(path)"]).output()
    let third = try stage.lab.startAgent(on: .gateway)
    let told = eventually(within: .seconds(5)) { third.log.contains("\(path)") ? true : nil }
    #expect(told == true)
    let watch = try KernelWatch(.gateway, in: stage.lab)
    let start = Moment.now
    try stage.lab.namespace(.gateway).ip("rule del priority 150")
    let time = eventually(within: .seconds(3)) { watch.repairTime(since: start, of: .rule) }
    #expect(time != nil, "\(third.log)")
    try watch.stop()
    #expect(try Command(["cat", path]).output() == "mine\n")
    try Command(["rm", path]).output()
    // Listeners are tried again with each resync.
    try third.waitFor(phase: "ready", within: .seconds(8))
  }

  @Test("only root and the configured group get in")
  func access() throws {
    let stage = try Stage { configuration in
      configuration.replacing("status:\n", with: "status:\n  group: daemon\n")
    }
    let path = stage.gateway.program.socket
    let directories = [
      stage.lab.directory, path.split(separator: "/").dropLast(2).reduce("") { "\($0)/\($1)" },
      stage.gateway.program.runtimeDirectory,
    ]
    try Command(["chmod", "o+x"] + directories).output()
    func ask(_ identity: [String], _ words: [String]) throws -> Command.Result {
      try Command(["setpriv"] + identity + ["curl", "-s", "--max-time", "2", "--unix-socket", path] + words)
        .run()
    }
    let nobody = ["--reuid=65534", "--regid=65534"]
    let status = ["http://x/status"]
    #expect(try ask(nobody + ["--clear-groups"], status).status == .exited(7))
    let member = nobody + ["--groups=daemon"]
    let answer = try ask(member, status)
    #expect(answer.status == .exited(0) && answer.stdout.contains("\"phase\""), "\(answer)")
    for order in ["reload", "exit"] {
      let refusal = try ask(member, ["-X", "POST", "http://x/\(order)"])
      #expect(refusal.stdout.hasPrefix("only root may change anything\n"), "\(refusal)")
    }
    #expect(try Command(["curl", "-s", "--unix-socket", path] + status).output().contains("\"phase\""))
    #expect(try Command(["stat", "-c", "%a %U %G", path]).output() == "660 root daemon\n")
  }
}

@Suite("S33: the metrics listener has bad clients", .serialized)
struct MetricsListenerTests {
  @Test(
    "crowds of each kind neither stop repairs nor keep an honest client out")
  func crowd() throws {
    let stage = try Stage { $0.replacing("listen: \"off\"", with: "listen: \"127.0.0.1:9479\"") }
    let before = stage.residentKilobytes
    for manners in BadManners.allCases {
      let crowd = try stage.lab.startCrowd(
        manners.crowd, at: .tcp(.gateway, port: 9479), saying: manners.words(askingFor: "/metrics"))
      try stage.expectRepairs("\(manners)")
      #expect(try stage.metric("liteboxd_agent_tunnel_up") == 1)
      #expect(stage.descriptors < 150, "\(stage.descriptors)")
      #expect(stage.residentKilobytes - before < 32_000, "\(before) to \(stage.residentKilobytes)")
      #expect(stage.gateway.isRunning && crowd.count > 0)
    }
    try stage.expectInSync()
  }
}
